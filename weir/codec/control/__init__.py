"""Commands and configurations to devices, replies and states from them: JSON documents."""
