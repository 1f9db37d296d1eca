# Written by `python -m penchant.objectives.core.stub`.
from typing import Any, Callable, Literal

from torch import Tensor

from penchant.objectives.core.composition import WeightedSum as WeightedSum
from penchant.objectives.core.evidence import Evidence as Evidence
from penchant.objectives.core.expression import build as build
from penchant.objectives.core.objective import Losses as Losses
from penchant.objectives.core.objective import Needs as Needs
from penchant.objectives.core.objective import Objective as Objective
from penchant.objectives.core.objective import Requirements as Requirements
from penchant.objectives.core.objective import requirements as requirements
from penchant.objectives.core.registry import aliases as aliases
from penchant.objectives.core.registry import by_class_name as by_class_name
from penchant.objectives.core.registry import by_family as by_family
from penchant.objectives.core.registry import by_tag as by_tag
from penchant.objectives.core.registry import families as families
from penchant.objectives.core.registry import get as get
from penchant.objectives.core.registry import is_method as is_method
from penchant.objectives.core.registry import names as names
from penchant.objectives.core.registry import wrapper_names as wrapper_names
from penchant.objectives.core.scored import Scored as Scored
from penchant.objectives.core.wrapper import PairWrapper as PairWrapper
from penchant.objectives.core.wrapper import Wrapper as Wrapper
from typing import Any as Any
from typing import TYPE_CHECKING as TYPE_CHECKING
from penchant.objectives.binary.apo_zero_unpaired import APOZeroUnpaired as _APOZeroUnpaired
from penchant.objectives.binary.bco import BCO as _BCO
from penchant.objectives.binary.d2o import D2O as _D2O
from penchant.objectives.binary.diffusion_kto import DiffusionKTO as _DiffusionKTO
from penchant.objectives.binary.kto import HALOsKTO as _HALOsKTO
from penchant.objectives.binary.kto import KTO as _KTO
from penchant.objectives.binary.nft import NFT as _NFT
from penchant.objectives.binary.verdict_cross_entropy import VerdictCrossEntropy as _VerdictCrossEntropy
from penchant.objectives.listwise.adpo_listwise import ADPOBradleyTerry as _ADPOBradleyTerry
from penchant.objectives.listwise.adpo_listwise import ADPOListwise as _ADPOListwise
from penchant.objectives.listwise.adpo_listwise import ADPOPlackettLuce as _ADPOPlackettLuce
from penchant.objectives.listwise.ddo_rm import DDORM as _DDORM
from penchant.objectives.listwise.dmpo import DMPO as _DMPO
from penchant.objectives.listwise.exo_rw import DPOReward as _DPOReward
from penchant.objectives.listwise.exo_rw import EXOReward as _EXOReward
from penchant.objectives.listwise.irpo import IRPO as _IRPO
from penchant.objectives.listwise.lipo_lambda import LiPOLambda as _LiPOLambda
from penchant.objectives.listwise.nca_reward import InfoNCAReward as _InfoNCAReward
from penchant.objectives.listwise.nca_reward import NCAReward as _NCAReward
from penchant.objectives.listwise.oprl import OPRL as _OPRL
from penchant.objectives.listwise.pad import PAD as _PAD
from penchant.objectives.listwise.pad import PADVanilla as _PADVanilla
from penchant.objectives.listwise.plackett_luce_dpo import PlackettLuceDPO as _PlackettLuceDPO
from penchant.objectives.listwise.pro import PRO as _PRO
from penchant.objectives.listwise.s_dpo import SoftmaxDPO as _SoftmaxDPO
from penchant.objectives.listwise.tpo_tree import TreePreference as _TreePreference
from penchant.objectives.logic.objective import LogicLoss as _LogicLoss
from penchant.objectives.pairwise.adpo_pairwise import ADPOPairwise as _ADPOPairwise
from penchant.objectives.pairwise.aot import AOTPaired as _AOTPaired
from penchant.objectives.pairwise.aot import AOTUnpaired as _AOTUnpaired
from penchant.objectives.pairwise.apo import APODown as _APODown
from penchant.objectives.pairwise.apo import APOZero as _APOZero
from penchant.objectives.pairwise.beta_dpo import BetaDPO as _BetaDPO
from penchant.objectives.pairwise.cal_dpo import CalDPO as _CalDPO
from penchant.objectives.pairwise.cdpo import ConservativeDPO as _ConservativeDPO
from penchant.objectives.pairwise.constrained_po import ConstrainedPO as _ConstrainedPO
from penchant.objectives.pairwise.constrained_po import ConstrainedPOEasy as _ConstrainedPOEasy
from penchant.objectives.pairwise.constrained_po import ConstrainedPOSoft as _ConstrainedPOSoft
from penchant.objectives.pairwise.discopop import AQFL as _AQFL
from penchant.objectives.pairwise.discopop import AQL as _AQL
from penchant.objectives.pairwise.discopop import CELL as _CELL
from penchant.objectives.pairwise.discopop import DBAQL as _DBAQL
from penchant.objectives.pairwise.discopop import LRML as _LRML
from penchant.objectives.pairwise.discopop import PADLL as _PADLL
from penchant.objectives.pairwise.discopop import PFL as _PFL
from penchant.objectives.pairwise.dove import DOVE as _DOVE
from penchant.objectives.pairwise.dpo import DPO as _DPO
from penchant.objectives.pairwise.dpo_gamma_ref import GammaReferenceDPO as _GammaReferenceDPO
from penchant.objectives.pairwise.dpop import DPOP as _DPOP
from penchant.objectives.pairwise.exo import EXOPref as _EXOPref
from penchant.objectives.pairwise.exo import EXOPrefOfficial as _EXOPrefOfficial
from penchant.objectives.pairwise.f_dpo import FDPO as _FDPO
from penchant.objectives.pairwise.fdiv_sft import FDivergenceSFT as _FDivergenceSFT
from penchant.objectives.pairwise.flex_dpo import DPOSFT as _DPOSFT
from penchant.objectives.pairwise.flex_dpo import FlexDPO as _FlexDPO
from penchant.objectives.pairwise.games.dno import DNO as _DNO
from penchant.objectives.pairwise.games.egpo import EGPO as _EGPO
from penchant.objectives.pairwise.games.egpo import EGPOPair as _EGPOPair
from penchant.objectives.pairwise.games.hypo import HyPO as _HyPO
from penchant.objectives.pairwise.games.inpo import INPO as _INPO
from penchant.objectives.pairwise.games.rebel import REBEL as _REBEL
from penchant.objectives.pairwise.games.selfie import Selfie as _Selfie
from penchant.objectives.pairwise.games.xpo import XPO as _XPO
from penchant.objectives.pairwise.geometric import ConservativeIPO as _ConservativeIPO
from penchant.objectives.pairwise.geometric import GDPO as _GDPO
from penchant.objectives.pairwise.geometric import GIPO as _GIPO
from penchant.objectives.pairwise.geometric import GROPO as _GROPO
from penchant.objectives.pairwise.gpo import GPO as _GPO
from penchant.objectives.pairwise.infifpo import InfiFPO as _InfiFPO
from penchant.objectives.pairwise.ipo import IPO as _IPO
from penchant.objectives.pairwise.ld_dpo import LDDPO as _LDDPO
from penchant.objectives.pairwise.madpo import MADPO as _MADPO
from penchant.objectives.pairwise.mapl import MAPL as _MAPL
from penchant.objectives.pairwise.modpo import MODPO as _MODPO
from penchant.objectives.pairwise.nca import BiasedNCA as _BiasedNCA
from penchant.objectives.pairwise.nca import NCA as _NCA
from penchant.objectives.pairwise.odpo import ODPO as _ODPO
from penchant.objectives.pairwise.pairwise_normalized_gradient import PairwiseNormalizedGradient as _PairwiseNormalizedGradient
from penchant.objectives.pairwise.r_dpo import LengthRegularizedDPO as _LengthRegularizedDPO
from penchant.objectives.pairwise.rationale_dpo import RationaleDPO as _RationaleDPO
from penchant.objectives.pairwise.rationale_dpo import RationaleDPONLL as _RationaleDPONLL
from penchant.objectives.pairwise.rdpo import RobustDPO as _RobustDPO
from penchant.objectives.pairwise.ropo import ROPO as _ROPO
from penchant.objectives.pairwise.rpo_regularized import RegularizedPO as _RegularizedPO
from penchant.objectives.pairwise.slic_hinge import SLiCHinge as _SLiCHinge
from penchant.objectives.pairwise.spin import SPIN as _SPIN
from penchant.objectives.pairwise.sppo import SPPO as _SPPO
from penchant.objectives.pairwise.sppo import SPPOHard as _SPPOHard
from penchant.objectives.pairwise.sppo import SPPOSingle as _SPPOSingle
from penchant.objectives.policy_gradient.bnpo import BNPO as _BNPO
from penchant.objectives.policy_gradient.cispo import CISPO as _CISPO
from penchant.objectives.policy_gradient.dapo import DAPO as _DAPO
from penchant.objectives.policy_gradient.dr_grpo import DrGRPO as _DrGRPO
from penchant.objectives.policy_gradient.gmpo import GMPO as _GMPO
from penchant.objectives.policy_gradient.grpo import GRPO as _GRPO
from penchant.objectives.policy_gradient.gspo import GSPO as _GSPO
from penchant.objectives.policy_gradient.nash_md import NashMD as _NashMD
from penchant.objectives.policy_gradient.ppo import PPO as _PPO
from penchant.objectives.policy_gradient.reinforce_pp import ReinforcePP as _ReinforcePP
from penchant.objectives.policy_gradient.rloo import RLOO as _RLOO
from penchant.objectives.policy_gradient.sapo import SAPO as _SAPO
from penchant.objectives.recommendation.dynamicpo import DynamicPO as _DynamicPO
from penchant.objectives.recommendation.rere import ReRe as _ReRe
from penchant.objectives.reference_free.asft import ASFT as _ASFT
from penchant.objectives.reference_free.cpo import CPO as _CPO
from penchant.objectives.reference_free.cpo import CPOHinge as _CPOHinge
from penchant.objectives.reference_free.cpo import CPOIPO as _CPOIPO
from penchant.objectives.reference_free.cpo import CPOSimPO as _CPOSimPO
from penchant.objectives.reference_free.ift import IFT as _IFT
from penchant.objectives.reference_free.mapo import MaPO as _MaPO
from penchant.objectives.reference_free.nll import NLL as _NLL
from penchant.objectives.reference_free.orpo import ORPO as _ORPO
from penchant.objectives.reference_free.poft import PoFT as _PoFT
from penchant.objectives.reference_free.power import POWER as _POWER
from penchant.objectives.reference_free.power import POWERDL as _POWERDL
from penchant.objectives.reference_free.rationale_orpo import RationaleORPO as _RationaleORPO
from penchant.objectives.reference_free.rationale_orpo import RationaleORPOSimple as _RationaleORPOSimple
from penchant.objectives.reference_free.simpo import SimPO as _SimPO
from penchant.objectives.reference_free.simpo import SimPOHinge as _SimPOHinge
from penchant.objectives.reference_free.slic_hf import SLiCHF as _SLiCHF
from penchant.objectives.reference_free.triple import TPO as _TPO
from penchant.objectives.reference_free.triple import TPOHinge as _TPOHinge
from penchant.objectives.reference_free.triple import TPOIPO as _TPOIPO
from penchant.objectives.reference_free.triple import TPOLength as _TPOLength
from penchant.objectives.reference_free.verdict_margin import VerdictMargin as _VerdictMargin
from penchant.objectives.reward_models.binned import DistributionalReward as _DistributionalReward
from penchant.objectives.reward_models.bt import BTRewardModel as _BTRewardModel
from penchant.objectives.reward_models.bt import BTTies as _BTTies
from penchant.objectives.reward_models.bt import EurusRM as _EurusRM
from penchant.objectives.reward_models.bt import PairwiseMarginRegression as _PairwiseMarginRegression
from penchant.objectives.reward_models.crmt import CRMT as _CRMT
from penchant.objectives.reward_models.four_class_preference import FourClassPreference as _FourClassPreference
from penchant.objectives.reward_models.gated import MoEReward as _MoEReward
from penchant.objectives.reward_models.gpm import GPM as _GPM
from penchant.objectives.reward_models.micro import MiCRo as _MiCRo
from penchant.objectives.reward_models.multi_label import MultiObjectiveRewardRegression as _MultiObjectiveRewardRegression
from penchant.objectives.reward_models.pal import PAL as _PAL
from penchant.objectives.reward_models.rated import GaussianReward as _GaussianReward
from penchant.objectives.reward_models.rated import QuantileReward as _QuantileReward
from penchant.objectives.reward_models.rated import RewardRegression as _RewardRegression
from penchant.objectives.reward_models.remodetect import ReMoDetect as _ReMoDetect
from penchant.objectives.token_level.on_policy_distillation import OnPolicyDistillation as _OnPolicyDistillation
from penchant.objectives.token_level.rrpo import RRPO as _RRPO
from penchant.objectives.token_level.sparse_token_mask import SparseTokenMask as _SparseTokenMask
from penchant.objectives.token_level.sparsepo import SparsePO as _SparsePO
from penchant.objectives.token_level.sparsepo import SparsePOFromActivations as _SparsePOFromActivations
from penchant.objectives.token_level.spo_degree import SPODegree as _SPODegree
from penchant.objectives.token_level.tab_po import TABPO as _TABPO
from penchant.objectives.token_level.tdpo import TDPO1 as _TDPO1
from penchant.objectives.token_level.tdpo import TDPO2 as _TDPO2
from penchant.objectives.token_level.wpo import WPO as _WPO
from penchant.objectives.unlearning.ce_u import CEU as _CEU
from penchant.objectives.unlearning.gradient_ascent import GradientAscent as _GradientAscent
from penchant.objectives.unlearning.gradient_difference import GradientDifference as _GradientDifference
from penchant.objectives.unlearning.idk import IDK as _IDK
from penchant.objectives.unlearning.idk_dpo import IDKDPO as _IDKDPO
from penchant.objectives.unlearning.npo import NPO as _NPO
from penchant.objectives.unlearning.pdu import PDU as _PDU
from penchant.objectives.unlearning.retain_kl import RetainKL as _RetainKL
from penchant.objectives.unlearning.retain_nll import RetainNLL as _RetainNLL
from penchant.objectives.unlearning.rmu import RMU as _RMU
from penchant.objectives.unlearning.satimp import SatImp as _SatImp
from penchant.objectives.unlearning.simnpo import SimNPO as _SimNPO
from penchant.objectives.unlearning.undial import UNDIAL as _UNDIAL
from penchant.objectives.unlearning.wga import WGA as _WGA
from penchant.objectives.wrappers.averaged import Averaged as _Averaged
from penchant.objectives.wrappers.clipped import Clipped as _Clipped
from penchant.objectives.wrappers.flipped_labels import Smoothed as _Smoothed
from penchant.objectives.wrappers.flipped_labels import Unbiased as _Unbiased
from penchant.objectives.wrappers.tail_weighted import TailWeighted as _TailWeighted
from penchant.objectives.wrappers.weighted import Weighted as _Weighted
from penchant.objectives.wrappers.wpo_weighted import WPOWeighted as _WPOWeighted

class ADPOBradleyTerry(_ADPOBradleyTerry):
    def __init__(self, *, tau: float = ..., average_log_prob: bool = ..., beta_anchor_kl: float = ..., use_adaptive_tau: bool = ..., adaptive_tau_alpha: float = ..., adaptive_tau_beta: float = ..., adaptive_tau_min: float = ..., adaptive_tau_max: float = ..., vocab_size: int = ..., beta_reward: float = ...) -> None: ...

class ADPOListwise(_ADPOListwise):
    def __init__(self, *, tau: float = ..., average_log_prob: bool = ..., beta_anchor_kl: float = ..., use_adaptive_tau: bool = ..., adaptive_tau_alpha: float = ..., adaptive_tau_beta: float = ..., adaptive_tau_min: float = ..., adaptive_tau_max: float = ..., vocab_size: int = ..., beta_reward: float = ..., target: Literal['zscore', 'softmax', 'teacher', 'one-hot'] = ...) -> None: ...

class ADPOPairwise(_ADPOPairwise):
    def __init__(self, *, tau: float = ...) -> None: ...

class ADPOPlackettLuce(_ADPOPlackettLuce):
    def __init__(self, *, tau: float = ..., average_log_prob: bool = ..., beta_anchor_kl: float = ..., use_adaptive_tau: bool = ..., adaptive_tau_alpha: float = ..., adaptive_tau_beta: float = ..., adaptive_tau_min: float = ..., adaptive_tau_max: float = ..., vocab_size: int = ...) -> None: ...

class AOTPaired(_AOTPaired):
    def __init__(self, *, beta: float = ..., label_smoothing: float = ...) -> None: ...

class AOTUnpaired(_AOTUnpaired):
    def __init__(self, *, beta: float = ..., label_smoothing: float = ...) -> None: ...

class APODown(_APODown):
    def __init__(self, *, beta: float = ...) -> None: ...

class APOZero(_APOZero):
    def __init__(self, *, beta: float = ...) -> None: ...

class APOZeroUnpaired(_APOZeroUnpaired):
    def __init__(self, *, beta: float = ..., desirable_weight: float | Literal['auto'] = ..., undesirable_weight: float | Literal['auto'] = ...) -> None: ...

class AQFL(_AQFL):
    def __init__(self, *, beta: float = ..., tau: float = ...) -> None: ...

class AQL(_AQL):
    def __init__(self, *, beta: float = ..., tau: float = ...) -> None: ...

class ASFT(_ASFT):
    def __init__(self, *, lambda_: float = ..., beta: float = ..., ce_coef: float = ...) -> None: ...

class Averaged(_Averaged):
    def __init__(self, objective: Objective) -> None: ...

class BCO(_BCO):
    def __init__(self, *, beta: float = ..., shift: Literal['running-mean', 'balanced', 'none'] = ..., min_density_ratio: float = ..., max_density_ratio: float = ...) -> None: ...

class BNPO(_BNPO):
    def __init__(self, *, epsilon_low: float = ..., epsilon_high: float = ..., delta: float = ..., beta: float = ..., kl_by_ratio: bool = ...) -> None: ...

class BTRewardModel(_BTRewardModel):
    def __init__(self, *, center_rewards_coefficient: float = ..., tau: float = ..., label_smoothing: float = ..., use_margin: bool = ...) -> None: ...

class BTTies(_BTTies):
    def __init__(self, *, form: Literal['rao-kupper', 'davidson', 'half-win'] = ..., threshold: float = ..., eps: float = ...) -> None: ...

class BetaDPO(_BetaDPO):
    def __init__(self, *, beta: float = ..., a: float = ..., filter_ratio: float = ..., momentum: float = ..., min_beta: float = ..., warm_up: bool = ..., seed: int = ...) -> None: ...

class BiasedNCA(_BiasedNCA):
    def __init__(self, *, beta: float = ...) -> None: ...

class CELL(_CELL):
    def __init__(self, *, beta: float = ...) -> None: ...

class CEU(_CEU):
    def __init__(self, *, average: Literal['batch', 'response'] = ..., ignore_first_n_answer_tokens: int = ...) -> None: ...

class CISPO(_CISPO):
    def __init__(self, *, floor: float = ..., cap: float = ..., beta: float = ...) -> None: ...

class CPO(_CPO):
    def __init__(self, *, cpo_alpha: float = ..., nll_average: Literal['batch', 'response'] = ..., beta: float = ..., label_smoothing: float = ...) -> None: ...

class CPOHinge(_CPOHinge):
    def __init__(self, *, cpo_alpha: float = ..., nll_average: Literal['batch', 'response'] = ..., beta: float = ...) -> None: ...

class CPOIPO(_CPOIPO):
    def __init__(self, *, cpo_alpha: float = ..., nll_average: Literal['batch', 'response'] = ..., beta: float = ...) -> None: ...

class CPOSimPO(_CPOSimPO):
    def __init__(self, *, cpo_alpha: float = ..., nll_average: Literal['batch', 'response'] = ..., beta: float = ..., gamma: float = ..., label_smoothing: float = ...) -> None: ...

class CRMT(_CRMT):
    def __init__(self, *, classes: int = ..., modalities: int = ..., rho: float = ..., group: int = ..., eps: float = ..., certify: bool = ..., values: list[float] | None = ..., variant: Literal['none', 'adversarial', 'mixup'] = ..., epsilon: float = ...) -> None: ...

class CalDPO(_CalDPO):
    def __init__(self, *, beta: float = ..., calibration_weight: float = ..., logistic_scale: float = ..., average_log_prob: bool = ...) -> None: ...

class Clipped(_Clipped):
    def __init__(self, objective: Objective, *, low: float | None = ..., high: float | None = ...) -> None: ...

class ConservativeDPO(_ConservativeDPO):
    def __init__(self, *, beta: float = ..., label_smoothing: float = ...) -> None: ...

class ConservativeIPO(_ConservativeIPO):
    def __init__(self, *, beta: float = ..., average_log_prob: bool = ...) -> None: ...

class ConstrainedPO(_ConstrainedPO):
    def __init__(self, *, beta: float = ...) -> None: ...

class ConstrainedPOEasy(_ConstrainedPOEasy):
    def __init__(self, *, beta: float = ..., gamma: float = ..., margin_sign: Literal[1, -1] = ...) -> None: ...

class ConstrainedPOSoft(_ConstrainedPOSoft):
    def __init__(self, *, beta: float = ..., gamma: float = ..., tau: float = ..., alpha: float = ...) -> None: ...

class D2O(_D2O):
    def __init__(self, *, beta: float = ..., alpha: float = ...) -> None: ...

class DAPO(_DAPO):
    def __init__(self, *, epsilon_low: float = ..., epsilon_high: float = ...) -> None: ...

class DBAQL(_DBAQL):
    def __init__(self, *, beta: float = ..., tau: float = ...) -> None: ...

class DDORM(_DDORM):
    def __init__(self, *, eta: float = ..., temperature: float = ..., released: bool = ...) -> None: ...

class DMPO(_DMPO):
    def __init__(self, *, beta: float = ...) -> None: ...

class DNO(_DNO):
    def __init__(self, *, eta: float = ...) -> None: ...

class DOVE(_DOVE):
    def __init__(self, *, beta: float = ..., joint: bool = ...) -> None: ...

class DPO(_DPO):
    def __init__(self, *, beta: float = ..., reference_free: bool = ...) -> None: ...

class DPOP(_DPOP):
    def __init__(self, *, beta: float = ..., lambda_: float = ...) -> None: ...

class DPOReward(_DPOReward):
    def __init__(self, *, beta_policy: float = ..., beta_reward: float = ...) -> None: ...

class DPOSFT(_DPOSFT):
    def __init__(self, *, beta: float = ..., lambda_: float = ..., sft_average: bool = ...) -> None: ...

class DiffusionKTO(_DiffusionKTO):
    def __init__(self, *, beta: float = ..., lambda_desirable: float = ..., lambda_undesirable: float = ..., utility: Literal['sigmoid', 'loss_averse', 'risk_seeking_1', 'risk_seeking_2', 'risk_seeking_3'] = ..., offset: Literal['none', 'sigmoid'] = ..., half_factor: float = ...) -> None: ...

class DistributionalReward(_DistributionalReward):
    def __init__(self, *, bins: int = ..., low: float = ..., high: float = ...) -> None: ...

class DrGRPO(_DrGRPO):
    def __init__(self, *, max_completion_length: int = ..., beta: float = ..., kl_by_ratio: bool = ..., delta: float = ..., epsilon_low: float = ..., epsilon_high: float = ...) -> None: ...

class DynamicPO(_DynamicPO):
    def __init__(self, *, beta: float = ...) -> None: ...

class EGPO(_EGPO):
    def __init__(self, *, beta: float = ..., average_log_prob: bool = ...) -> None: ...

class EGPOPair(_EGPOPair):
    def __init__(self, *, beta: float = ..., average_log_prob: bool = ...) -> None: ...

class EXOPref(_EXOPref):
    def __init__(self, *, beta: float = ..., label_smoothing: float = ...) -> None: ...

class EXOPrefOfficial(_EXOPrefOfficial):
    def __init__(self, *, beta: float = ..., log_epsilon: float = ...) -> None: ...

class EXOReward(_EXOReward):
    def __init__(self, *, beta_policy: float = ..., beta_reward: float = ...) -> None: ...

class EurusRM(_EurusRM):
    def __init__(self, *, direct_weight: float = ...) -> None: ...

class FDPO(_FDPO):
    def __init__(self, derivative: Callable[[Tensor], Tensor] | None = ..., *, beta: float = ..., divergence: Literal['reverse_kl', 'forward_kl', 'js', 'alpha'] = ..., alpha: float = ...) -> None: ...

class FDivergenceSFT(_FDivergenceSFT):
    def __init__(self, *, beta: float = ..., divergence: Literal['total-variation', 'pearson', 'hellinger', 'jensen-shannon', 'reverse-kl'] = ..., per_token: bool = ...) -> None: ...

class FlexDPO(_FlexDPO):
    def __init__(self, *, beta_plus: float = ..., beta_minus: float = ...) -> None: ...

class FourClassPreference(_FourClassPreference):
    def __init__(self, *, head: Literal['scores', 'joint'] = ..., width: int = ...) -> None: ...

class GDPO(_GDPO):
    def __init__(self, *, beta: float = ...) -> None: ...

class GIPO(_GIPO):
    def __init__(self, *, beta: float = ..., average_log_prob: bool = ..., target: Literal['scaled', 'fixed'] = ...) -> None: ...

class GMPO(_GMPO):
    def __init__(self, *, beta: float = ..., epsilon_low: float = ..., epsilon_high: float = ...) -> None: ...

class GPM(_GPM):
    def __init__(self, *, dimension: int = ..., tau: float = ..., gate: bool = ..., gate_scale: Literal['sum_to_one', 'sum_to_k'] = ..., normalize: bool = ..., target_margin: float | None = ..., sft_weight: float = ..., sft_beta: float = ...) -> None: ...

class GPO(_GPO):
    def __init__(self, *, beta: float = ...) -> None: ...

class GROPO(_GROPO):
    def __init__(self, *, beta: float = ..., alpha: float = ..., gamma: float = ...) -> None: ...

class GRPO(_GRPO):
    def __init__(self, *, beta: float = ..., kl_by_ratio: bool = ..., epsilon_low: float = ..., epsilon_high: float = ..., delta: float = ...) -> None: ...

class GSPO(_GSPO):
    def __init__(self, *, beta: float = ..., epsilon_low: float = ..., epsilon_high: float = ...) -> None: ...

class GammaReferenceDPO(_GammaReferenceDPO):
    def __init__(self, *, beta: float = ..., gamma: float = ...) -> None: ...

class GaussianReward(_GaussianReward):
    def __init__(self, *, eps: float = ...) -> None: ...

class GradientAscent(_GradientAscent):
    def __init__(self, *, average: Literal['batch', 'response'] = ...) -> None: ...

class GradientDifference(_GradientDifference):
    def __init__(self, *, forget_coeff: float = ..., retain_coeff: float = ..., nll_average: Literal['batch', 'response'] = ...) -> None: ...

class HALOsKTO(_HALOsKTO):
    def __init__(self, *, beta: float = ..., desirable_weight: float | Literal['auto'] = ..., undesirable_weight: float | Literal['auto'] = ..., humanline: bool = ..., log_epsilon_p: float = ..., log_epsilon_r: float = ...) -> None: ...

class HyPO(_HyPO):
    def __init__(self, *, beta: float = ..., weight: float = ..., baseline: bool = ...) -> None: ...

class IDK(_IDK):
    def __init__(self, *, average: Literal['batch', 'response'] = ...) -> None: ...

class IDKDPO(_IDKDPO):
    def __init__(self, *, beta: float = ...) -> None: ...

class IFT(_IFT):
    def __init__(self, *, residual: float = ..., discount: float = ..., influence: Literal['loss', 'logps', 'mask'] = ..., norm: Literal['L1', 'L2', 'log', 'softmax'] = ..., side: Literal['left', 'right'] = ..., predicted: Literal['greedy', 'ranked', 'sampled'] = ..., rank: int = ..., temperature: float = ..., residual_start: float = ..., residual_warmup: int = ..., residual_noise: float = ..., seed: int = ..., detach_weights: bool = ...) -> None: ...

class INPO(_INPO):
    def __init__(self, *, eta: float = ..., ratio: float = ...) -> None: ...

class IPO(_IPO):
    def __init__(self, *, beta: float = ..., average_log_prob: bool = ...) -> None: ...

class IRPO(_IRPO):
    def __init__(self, *, beta: float = ..., weighting: Literal['ndcg', 'position', 'gain-over-rank'] = ...) -> None: ...

class InfiFPO(_InfiFPO):
    def __init__(self, *, beta: float = ..., fusion: Literal['max', 'average'] = ..., clip: bool = ..., compared: Literal['log', 'probability'] = ...) -> None: ...

class InfoNCAReward(_InfoNCAReward):
    def __init__(self, *, beta: float = ..., temperature: float = ..., first_score_bonus: float = ...) -> None: ...

class KTO(_KTO):
    def __init__(self, *, beta: float = ..., desirable_weight: float | Literal['auto'] = ..., undesirable_weight: float | Literal['auto'] = ...) -> None: ...

class LDDPO(_LDDPO):
    def __init__(self, *, beta: float = ..., ld_alpha: float = ..., apply_to_reference: bool = ...) -> None: ...

class LRML(_LRML):
    def __init__(self, *, beta: float = ..., tau: float = ...) -> None: ...

class LengthRegularizedDPO(_LengthRegularizedDPO):
    def __init__(self, *, beta: float = ..., alpha: float = ...) -> None: ...

class LiPOLambda(_LiPOLambda):
    def __init__(self, *, beta: float = ...) -> None: ...

class LogicLoss(_LogicLoss):
    def __init__(self, *, top: str = ..., bottom: str = ..., formula: str | None = ..., condition: str | None = ..., additive: str | None = ..., reference: bool = ..., link: Literal['logistic', 'squared', 'hinge', 'perceptron'] = ..., beta: float = ..., average: bool = ...) -> None: ...

class MADPO(_MADPO):
    def __init__(self, *, beta: float = ..., c_max: float = ..., c_min: float = ..., lambda_: float = ..., tau: float = ...) -> None: ...

class MAPL(_MAPL):
    def __init__(self, *, beta: float = ..., intra_weight: float = ..., inter_weight: float = ...) -> None: ...

class MODPO(_MODPO):
    def __init__(self, *, beta: float = ..., weights: list[float] = ..., loss_type: Literal['sigmoid', 'hinge'] = ...) -> None: ...

class MaPO(_MaPO):
    def __init__(self, *, beta: float = ..., snr: float = ..., num_train_timesteps: int = ..., half_factor: float = ...) -> None: ...

class MiCRo(_MiCRo):
    def __init__(self, *, heads: int = ..., alpha: float = ..., context_router: bool = ..., router_width: int = ..., route: bool = ..., tau: float = ...) -> None: ...

class MoEReward(_MoEReward):
    def __init__(self, *, criteria: int = ..., aspects: list[list[int]] | None = ..., stage: int = ..., gate_weight: float = ..., temperature: float = ..., gate_width: int = ..., gate_layers: int = ..., verbosity: int | None = ..., verbosity_threshold: float = ...) -> None: ...

class MultiObjectiveRewardRegression(_MultiObjectiveRewardRegression):
    def __init__(self, *, labels: int = ..., weights: list[float] | None = ..., verbosity: int | None = ..., verbosity_threshold: float = ...) -> None: ...

class NCA(_NCA):
    def __init__(self, *, beta: float = ...) -> None: ...

class NCAReward(_NCAReward):
    def __init__(self, *, beta: float = ..., temperature: float = ..., first_score_bonus: float = ...) -> None: ...

class NFT(_NFT):
    def __init__(self, *, ratio_type: Literal['token', 'sequence'] = ..., normalize: Literal[0, 1, 2] = ..., neg_weight: float = ..., clamp_negative: float = ..., clamp_positive: float = ..., token_normalizer: float = ..., mean: bool = ...) -> None: ...

class NLL(_NLL):
    def __init__(self, *, average: bool = ...) -> None: ...

class NPO(_NPO):
    def __init__(self, *, beta: float = ...) -> None: ...

class NashMD(_NashMD):
    def __init__(self, *, beta: float = ..., kl_credit: Literal['sequence', 'token'] = ...) -> None: ...

class ODPO(_ODPO):
    def __init__(self, *, beta: float = ..., alpha: float = ..., transform: Literal['log', 'identity'] = ...) -> None: ...

class OPRL(_OPRL):
    def __init__(self, *, beta: float = ..., aggregation: Literal['sum', 'mean'] = ...) -> None: ...

class ORPO(_ORPO):
    def __init__(self, *, lambda_: float = ...) -> None: ...

class OnPolicyDistillation(_OnPolicyDistillation):
    def __init__(self, *, beta: float = ..., temperature: float = ...) -> None: ...

class PAD(_PAD):
    def __init__(self, *, beta: float = ..., divergence: Literal['jensen-shannon', 'released'] = ...) -> None: ...

class PADLL(_PADLL):
    def __init__(self, *, beta: float = ...) -> None: ...

class PADVanilla(_PADVanilla):
    def __init__(self, *, beta: float = ...) -> None: ...

class PAL(_PAL):
    def __init__(self, *, form: Literal['A', 'B'] = ..., pair_loss: Literal['hinge', 'smooth_hinge', 'logistic'] = ..., annotators: int = ..., prototypes: int = ..., width: int = ..., layers: int = ..., margin: float = ..., smooth: float = ..., temperature: float = ..., only_annotators: bool = ...) -> None: ...

class PDU(_PDU):
    def __init__(self, *, epsilon: float = ..., step_size: float = ..., warm_up: int = ..., forget_coeff: float = ..., initial_weight: float = ...) -> None: ...

class PFL(_PFL):
    def __init__(self, *, beta: float = ...) -> None: ...

class POWER(_POWER):
    def __init__(self, *, beta: float = ..., eta: float = ...) -> None: ...

class POWERDL(_POWERDL):
    def __init__(self, *, beta: float = ..., eta: float = ..., gamma: float = ..., update_first: bool = ...) -> None: ...

class PPO(_PPO):
    def __init__(self, *, epsilon_low: float = ..., epsilon_high: float = ..., dual_clip: float = ..., value_clip: float = ..., value_weight: float = ..., detach_critic: bool = ..., aggregation: Literal['token-mean', 'seq-mean-token-mean', 'seq-mean-token-sum', 'seq-mean-token-sum-norm'] = ...) -> None: ...

class PRO(_PRO):
    def __init__(self, *, sft_weight: float = ...) -> None: ...

class PairwiseMarginRegression(_PairwiseMarginRegression):
    def __init__(self, *, tau: float = ..., target_margin: float = ..., margin_scale: float = ...) -> None: ...

class PairwiseNormalizedGradient(_PairwiseNormalizedGradient):
    def __init__(self, *, beta: float = ...) -> None: ...

class PlackettLuceDPO(_PlackettLuceDPO):
    def __init__(self, *, beta: float = ..., top: int | None = ..., normalize: bool = ...) -> None: ...

class PoFT(_PoFT):
    def __init__(self, *, beta: float = ..., gamma: float = ...) -> None: ...

class QuantileReward(_QuantileReward):
    def __init__(self, *, quantiles: int = ...) -> None: ...

class REBEL(_REBEL):
    def __init__(self, *, eta: float = ...) -> None: ...

class RLOO(_RLOO):
    def __init__(self, *, epsilon_low: float = ..., epsilon_high: float = ...) -> None: ...

class RMU(_RMU):
    def __init__(self, *, layer: str = ..., steering_coeff: float = ..., gamma: float = ..., alpha: float = ..., seed: int = ...) -> None: ...

class ROPO(_ROPO):
    def __init__(self, *, beta: float = ..., alpha: float = ..., gamma: float = ...) -> None: ...

class RRPO(_RRPO):
    def __init__(self, *, beta: float = ..., alpha: float = ...) -> None: ...

class RationaleDPO(_RationaleDPO):
    def __init__(self, *, beta: float = ..., gamma: float = ...) -> None: ...

class RationaleDPONLL(_RationaleDPONLL):
    def __init__(self, *, beta: float = ..., gamma: float = ...) -> None: ...

class RationaleORPO(_RationaleORPO):
    def __init__(self, *, beta: float = ..., nll_weight: float = ..., gamma: float = ...) -> None: ...

class RationaleORPOSimple(_RationaleORPOSimple):
    def __init__(self, *, beta: float = ..., nll_weight: float = ..., gamma: float = ...) -> None: ...

class ReMoDetect(_ReMoDetect):
    def __init__(self, *, pair_weight: float = ..., mixed_weight: float = ..., l2: float = ..., rho: float = ...) -> None: ...

class ReRe(_ReRe):
    def __init__(self, *, beta: float = ..., form: Literal['grpo', 'dapo', 'gspo'] = ...) -> None: ...

class RegularizedPO(_RegularizedPO):
    def __init__(self, *, beta: float = ..., eta: float = ..., sft_average: bool = ...) -> None: ...

class ReinforcePP(_ReinforcePP):
    def __init__(self, *, epsilon_low: float = ..., epsilon_high: float = ..., beta: float = ..., estimator: Literal['k1', 'k2', 'k3', 'abs'] = ...) -> None: ...

class RetainKL(_RetainKL):
    def __init__(self, *, average: Literal['batch', 'response'] = ..., positions: Literal['response', 'all'] = ...) -> None: ...

class RetainNLL(_RetainNLL):
    def __init__(self, *, average: Literal['batch', 'response'] = ...) -> None: ...

class RewardRegression(_RewardRegression):
    def __init__(self) -> None: ...

class RobustDPO(_RobustDPO):
    def __init__(self, *, beta: float = ..., label_smoothing: float = ...) -> None: ...

class SAPO(_SAPO):
    def __init__(self, *, beta: float = ..., tau_pos: float = ..., tau_neg: float = ...) -> None: ...

class SLiCHF(_SLiCHF):
    def __init__(self, *, delta: float = ..., lambda_: float = ...) -> None: ...

class SLiCHinge(_SLiCHinge):
    def __init__(self, *, beta: float = ...) -> None: ...

class SPIN(_SPIN):
    def __init__(self, *, beta: float = ..., loss_type: Literal['sigmoid', 'hinge'] = ...) -> None: ...

class SPODegree(_SPODegree):
    def __init__(self, *, beta: float = ..., gamma: float = ..., levels: int = ...) -> None: ...

class SPPO(_SPPO):
    def __init__(self, *, beta: float = ...) -> None: ...

class SPPOHard(_SPPOHard):
    def __init__(self, *, beta: float = ...) -> None: ...

class SPPOSingle(_SPPOSingle):
    def __init__(self, *, beta: float = ...) -> None: ...

class SatImp(_SatImp):
    def __init__(self, *, average: Literal['batch', 'response'] = ..., beta1: float = ..., beta2: float = ...) -> None: ...

class Selfie(_Selfie):
    def __init__(self, *, beta: float = ..., strength: float = ..., quantile: float = ..., mixture: float = ..., warm_up: int = ...) -> None: ...

class SimNPO(_SimNPO):
    def __init__(self, *, beta: float = ..., gamma: float = ...) -> None: ...

class SimPO(_SimPO):
    def __init__(self, *, beta: float = ..., gamma_beta_ratio: float = ..., gamma: float | None = ..., sft_weight: float = ..., nll_average: Literal['batch', 'response'] = ..., label_smoothing: float = ...) -> None: ...

class SimPOHinge(_SimPOHinge):
    def __init__(self, *, beta: float = ..., gamma_beta_ratio: float = ..., gamma: float | None = ..., sft_weight: float = ..., nll_average: Literal['batch', 'response'] = ...) -> None: ...

class Smoothed(_Smoothed):
    def __init__(self, objective: Objective, *, label_smoothing: float = ...) -> None: ...

class SoftmaxDPO(_SoftmaxDPO):
    def __init__(self, *, beta: float = ...) -> None: ...

class SparsePO(_SparsePO):
    def __init__(self, *, beta: float = ..., common_mask: bool = ..., l1_reward: float = ..., l1_kl: float = ..., layers: Literal['all', 'last'] = ...) -> None: ...

class SparsePOFromActivations(_SparsePOFromActivations):
    def __init__(self, *, beta: float = ...) -> None: ...

class SparseTokenMask(_SparseTokenMask):
    def __init__(self, *, beta: float = ..., lambda_: float = ..., initial_mask: float = ...) -> None: ...

class TABPO(_TABPO):
    def __init__(self, *, beta: float = ..., prob_threshold: float = ..., barrier_weight: float = ..., difference_weight: float = ...) -> None: ...

class TDPO1(_TDPO1):
    def __init__(self, *, beta: float = ...) -> None: ...

class TDPO2(_TDPO2):
    def __init__(self, *, beta: float = ..., alpha: float = ...) -> None: ...

class TPO(_TPO):
    def __init__(self, *, alpha: float = ..., nll_average: Literal['batch', 'response'] = ..., beta: float = ...) -> None: ...

class TPOHinge(_TPOHinge):
    def __init__(self, *, alpha: float = ..., nll_average: Literal['batch', 'response'] = ..., beta: float = ...) -> None: ...

class TPOIPO(_TPOIPO):
    def __init__(self, *, alpha: float = ..., nll_average: Literal['batch', 'response'] = ..., beta: float = ...) -> None: ...

class TPOLength(_TPOLength):
    def __init__(self, *, alpha: float = ..., nll_average: Literal['batch', 'response'] = ..., beta: float = ..., gamma: float = ...) -> None: ...

class TailWeighted(_TailWeighted):
    def __init__(self, objective: Objective, *, alpha: float = ..., apply_to_reference: bool = ...) -> None: ...

class TreePreference(_TreePreference):
    def __init__(self, *, beta: float = ..., step_weights: Literal['one-plus-cos', 'one-minus-cos', 'uniform'] = ..., discount: Literal['none', 'dcg'] = ...) -> None: ...

class UNDIAL(_UNDIAL):
    def __init__(self, *, average: Literal['batch', 'response'] = ..., positions: Literal['response', 'all'] = ..., beta: float = ...) -> None: ...

class Unbiased(_Unbiased):
    def __init__(self, objective: Objective, *, label_smoothing: float = ...) -> None: ...

class VerdictCrossEntropy(_VerdictCrossEntropy):
    def __init__(self) -> None: ...

class VerdictMargin(_VerdictMargin):
    def __init__(self, *, lambda_: float = ...) -> None: ...

class WGA(_WGA):
    def __init__(self, *, average: Literal['batch', 'response'] = ..., beta: float = ...) -> None: ...

class WPO(_WPO):
    def __init__(self, *, beta: float = ..., label_smoothing: float = ..., alignment: Literal['sampled', 'none', 'greedy'] = ...) -> None: ...

class WPOWeighted(_WPOWeighted):
    def __init__(self, objective: Objective, *, alignment: Literal['sampled', 'none', 'greedy'] = ...) -> None: ...

class Weighted(_Weighted):
    def __init__(self, objective: Objective, *, field: str = ...) -> None: ...

class XPO(_XPO):
    def __init__(self, *, beta: float = ..., alpha: float = ..., loss_type: Literal['sigmoid', 'ipo'] = ...) -> None: ...
