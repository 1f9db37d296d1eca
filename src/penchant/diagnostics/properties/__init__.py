"""What feedback and judges reward, as named properties: Preference Dissection and PROFILE."""
