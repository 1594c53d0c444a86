#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/sandbox/internal.h"
#include "exec/supervisor/sys.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* The input as a sealed file in memory: it can neither block nor break, however it is read. */
static int make_stdin(const struct sandbox *s, struct str bytes)
{
	if (sandbox_test_fails(s, STEP_STDIN))
		return -EIO;
	int fd = memfd_create("stdin", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("stdin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < bytes.n;) {
		ssize_t n = write(fd, bytes.p + done, bytes.n - done);
		if (n <= 0) {
			int e = n < 0 ? errno : EIO;
			close(fd);
			return -e;
		}
		done += (size_t)n;
	}
	fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	if (lseek(fd, 0, SEEK_SET) < 0 || (s->probe.privileged && fchmod(fd, 0444)))
		return close(fd), -EIO;
	return fd;
}

/* A pipe from the agent; its end belongs to the agent's user, so that /dev/stdout opens. */
static int make_pipe(const struct sandbox_attempt *a, int *ret_ours, int *ret_theirs)
{
	const struct sandbox *s = a->sandbox;
	int ends[2];
	if (sandbox_test_fails(s, STEP_PIPE))
		return -EIO;
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	uint32_t slot = s->uid_range ? a->id % 65536 : 0;
	if (s->probe.privileged && fchown(ends[1], s->host_uid + slot, s->host_gid + slot))
		(void)errno;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	*ret_ours = ends[0];
	*ret_theirs = ends[1];
	return 0;
}

static bool env_has(const char *const *env, const char *name)
{
	size_t n = strlen(name);
	for (; env && *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return true;
	return false;
}

static void put_env(struct buf *out, uint32_t *n, const struct sandbox_spec *spec, const char *name,
		    const char *value)
{
	if (!value || env_has(spec->env, name))
		return;
	buf_printf(out, "%s=%s", name, value);
	buf_putc(out, '\0');
	++*n;
}

static void put_string(struct buf *out, const char *z)
{
	buf_put(out, z, strlen(z) + 1);
}

static void build_start(struct sandbox_attempt *a, const struct sandbox_spec *spec, struct buf *out)
{
	bool plain = a->sandbox->probe.unsandboxed, groups = a->cgroup.all != NULL;
	const char *folder = plain ? (spec->agent_folder ? spec->agent_folder : "/") : "/agent";
	const char *workspace =
		spec->workspace_folder && !plain ? "/workspace" : spec->workspace_folder;
	const char *artifacts =
		spec->artifacts_folder && !plain ? "/artifacts" : spec->artifacts_folder;
	struct wire_start m = {
		.head = {0, WIRE_START},
		.tmp_bytes = spec->limits.tmp_bytes,
		.file_bytes = spec->limits.file_size_bytes,
		.data_bytes = groups ? 0 : spec->limits.memory_bytes,
		.open_files = spec->limits.open_files,
		.processes = groups || plain ? 0 : spec->limits.pids,
		.has_folders = !plain && (spec->agent_folder || workspace || artifacts),
	};
	buf_put(out, &m, sizeof(m));
	put_string(out, folder);
	for (; spec->argv[m.n_argv]; m.n_argv++)
		put_string(out, spec->argv[m.n_argv]);
	for (; spec->env && spec->env[m.n_env]; m.n_env++)
		put_string(out, spec->env[m.n_env]);
	put_env(out, &m.n_env, spec, "PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
	put_env(out, &m.n_env, spec, "HOME", "/tmp");
	put_env(out, &m.n_env, spec, "LANG", "C.UTF-8");
	put_env(out, &m.n_env, spec, "DROVER_WORKSPACE", workspace);
	put_env(out, &m.n_env, spec, "DROVER_ARTIFACTS", artifacts);
	m.head.size = (uint32_t)out->n;
	memcpy(out->p, &m, sizeof(m));
}

/* Opens a folder as the caller would; the descriptor is ours. */
static int open_folder(const char *path, int given)
{
	if (given >= 0)
		return fcntl(given, F_DUPFD_CLOEXEC, 3);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* The artifacts folder becomes the sandbox user's. */
static int give_folder(const struct sandbox_attempt *a, int fd)
{
	const struct sandbox *s = a->sandbox;
	uint32_t slot = s->uid_range ? a->id % 65536 : 0;
	if (!s->probe.privileged)
		return 0;
	return fchownat(fd, "", s->host_uid + slot, s->host_gid + slot, AT_EMPTY_PATH) ? -errno : 0;
}

static int send_folders(struct sandbox_attempt *a, const struct sandbox_spec *spec,
			enum wire_step *ret_step)
{
	const char *paths[] = {spec->agent_folder, spec->workspace_folder, spec->artifacts_folder};
	const int given[] = {spec->agent_fd, spec->workspace_fd, spec->artifacts_fd};
	struct wire_mounts m = {.head = {0, WIRE_MOUNTS}, .id = a->id};
	CLEANUP_BUF struct buf out = {0};
	int fds[WIRE_FOLDERS], r = 0;
	size_t n = 0;
	buf_put(&out, &m, sizeof(m));
	for (int i = 0; i < WIRE_FOLDERS && r == 0; i++) {
		put_string(&out, paths[i] ? paths[i] : "");
		if (!paths[i])
			continue;
		fds[n] = open_folder(paths[i], given[i]);
		r = fds[n] < 0 ? -errno : 0;
		n += r == 0;
		if (r == 0 && i == 2)
			r = give_folder(a, fds[n - 1]);
	}
	m.head.size = (uint32_t)out.n;
	memcpy(out.p, &m, sizeof(m));
	*ret_step = STEP_OPEN_FOLDER;
	if (r == 0 && !sandbox_tell_supervisor(a->sandbox, out.p, out.n, fds, n)) {
		*ret_step = STEP_SUPERVISOR;
		r = -ECONNRESET;
	}
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	return r;
}

enum wire_step handover(struct sandbox_attempt *a, const struct sandbox_spec *spec, int *ret_error)
{
	struct sandbox *s = a->sandbox;
	const struct sandbox_limits *l = &spec->limits;
	CLEANUP_BUF struct buf start = {0};
	CLEANUP_FD int in = make_stdin(s, spec->stdin_bytes);
	CLEANUP_FD int out = -1, err = -1;
	int r = in < 0 ? in : 0;
	enum wire_step step = STEP_STDIN;
	if (r == 0) {
		step = STEP_PIPE;
		r = make_pipe(a, &a->out, &out);
		if (r == 0)
			r = make_pipe(a, &a->err, &err);
	}
	if (r == 0) {
		step = STEP_CGROUP_LIMIT;
		if (sandbox_test_fails(s, step))
			r = -EIO;
		else if (a->cgroup.all)
			r = cgroup_limit(&a->cgroup, l->memory_bytes, l->cpu_millicores, l->pids);
	}
	if (r == 0) {
		step = STEP_SPEC;
		build_start(a, spec, &start);
		const int stdio[3] = {in, out, err};
		if (start.n > WIRE_BYTES_MOST || sandbox_test_fails(s, step)) {
			r = -E2BIG;
		} else if (!sys_send(a->channel, start.p, start.n, stdio, 3)) {
			step = STEP_SUPERVISOR;
			r = -errno;
		}
	}
	bool folders = spec->agent_folder || spec->workspace_folder || spec->artifacts_folder;
	if (r == 0 && folders && !s->probe.unsandboxed)
		r = send_folders(a, spec, &step);
	*ret_error = -r;
	return r ? step : STEP_NONE;
}
