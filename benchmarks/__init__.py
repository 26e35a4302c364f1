"""Speed, memory and scaling, each measured by one command."""
