"""The sandbox: runs programs that nobody has read behind the fences of the kernel."""

from penchant.sandbox.fences import Fence
from penchant.sandbox.limits import Limits
from penchant.sandbox.result import Result, TestResult
from penchant.sandbox.sandbox import Program, Sandbox, SandboxError

__all__ = ["Fence", "Limits", "Program", "Result", "Sandbox", "SandboxError", "TestResult"]
