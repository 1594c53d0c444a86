"""What black-box tests make for themselves: agents, repositories and gates."""
import json
import os
import shutil
import tempfile

ANY = {"type": "object"}


class Folder:
    """A folder that agents may read; gone at the end."""

    def __init__(self, prefix="drover-made-"):
        self.path = tempfile.mkdtemp(prefix=prefix)
        os.chmod(self.path, 0o755)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def __truediv__(self, name):
        return os.path.join(self.path, name)

    def write(self, name, text):
        path = self / name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path


class Agents(Folder):
    """A root for --agents. Each agent has one action, run, and a program in shell or Python."""

    def add(self, name, program, schema=None, language="sh", **limits):
        if language != "none":
            self.write(f"{name}/main", program)
        command = program if language == "none" else [{"sh": "sh", "py": "python3"}[language],
                                                      "/agent/main"]
        self.write(f"{name}/agent.yaml", json.dumps({
            "name": name, "type": "SCRIPT", "version": "1", "description": "made by a test",
            "riskLevel": "AUTO", "command": command, "limits": limits,
            "capabilities": [{"name": "run", "inputSchema": ANY, "outputSchema": schema or ANY}]}))
        return name


class Gate:
    """A named pipe in a workspace at which an agent waits:  read word < /workspace/NAME"""

    def __init__(self, folder, name):
        self.path = folder / name
        os.mkfifo(self.path)
        os.chmod(self.path, 0o644)

    def open(self, word="go"):
        """Waits for the agent and lets it through."""
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(word + "\n")


def agent_processes(ws):
    """The agents that have the folder as their workspace."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                command = f.read()
            with open(f"/proc/{pid}/mountinfo", encoding="utf-8") as f:
                mounted = ws.path in f.read()
        except OSError:
            continue
        if b"/agent/main" in command and mounted:
            found.append(pid)
    return found


def step(node_id, agent, *depends, **more):
    action = {"security-scanner": "scan", "notifier": "send"}.get(agent, "run")
    return {"id": node_id, "agent": agent, "action": action, "dependsOn": list(depends), **more}


def workflow(name, *nodes, **more):
    return {"name": name, "status": "ACTIVE", "nodes": list(nodes), **more}
