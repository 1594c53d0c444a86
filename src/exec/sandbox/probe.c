#include <sys/utsname.h>

#include "exec/sandbox/internal.h"

static const char *means_text(enum sandbox_means m)
{
	switch (m) {
	case SANDBOX_MEANS_CGROUP2:
		return "control group (v2)";
	case SANDBOX_MEANS_CGROUP1:
		return "control group (v1)";
	case SANDBOX_MEANS_RLIMIT:
		return "rlimit";
	case SANDBOX_MEANS_NONE:
		break;
	}
	return "not limited";
}

static const char *isolation_text(const struct sandbox_probe *p)
{
	if (p->isolated)
		return "namespaces, system call filter, no capabilities";
	return p->unsandboxed ? "NONE (--allow-unsandboxed)" : "not possible: agents are refused";
}

void sandbox_probe_text(const struct sandbox *s, struct buf *out)
{
	const struct sandbox_probe *p = &s->probe;
	struct utsname u;
	buf_printf(out, "kernel     %s\n", uname(&u) == 0 ? u.release : "?");
	buf_printf(out, "isolation  %s\n", isolation_text(p));
	if (*p->problem)
		buf_printf(out, "           because %s\n", p->problem);
	buf_printf(out, "user       %s\n",
		   p->privileged ? s->uid_range ? "root: every sandbox gets a host user of its own"
						: "root: sandboxes share one host user"
				 : "ordinary: sandboxes run as this user");
	buf_printf(out, "memory     %s\n", means_text(p->memory));
	buf_printf(out, "processes  %s\n", means_text(p->pids));
	buf_printf(out, "cpu        %s\n", means_text(p->cpu));
	if (*p->limits_problem)
		buf_printf(out, "           because %s\n", p->limits_problem);
}
