#include "exec/supervisor/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "exec/supervisor/sys.h"

static const unsigned READ_ONLY = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

static int put_file(int root, const char *path, const char *text)
{
	int fd = openat(root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	size_t n = strlen(text);
	int r = write(fd, text, n) == (ssize_t)n ? 0 : -EIO;
	close(fd);
	return r;
}

/* A host file copied under its own name; absent or unreadable ones are left out. */
static int copy_file(int root, const char *path)
{
	int in = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	if (in < 0)
		return 0;
	if (fstat(in, &st) || !S_ISREG(st.st_mode) || st.st_size > LIMIT_SANDBOX_COPY_BYTES) {
		close(in);
		return 0;
	}
	int out = openat(root, path + 1, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int r = out < 0 ? -errno : 0;
	char block[4096];
	ssize_t n = 0;
	while (r == 0 && (n = read(in, block, sizeof(block))) > 0)
		if (write(out, block, (size_t)n) != n)
			r = -ENOSPC;
	close(in);
	if (out >= 0)
		close(out);
	return r;
}

/* Binds a host folder read-only at its own name, or repeats the symbolic link that it is. */
static int bind_folder(int root, const char *path)
{
	struct stat st;
	if (lstat(path, &st))
		return 0;
	if (S_ISLNK(st.st_mode)) {
		char to[256];
		ssize_t n = readlink(path, to, sizeof(to) - 1);
		if (n < 0)
			return -errno;
		to[n] = '\0';
		return symlinkat(to, root, path + 1) ? -errno : 0;
	}
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (mkdirat(root, path + 1, 0755))
		return -errno;
	int tree = sys_clone_tree(AT_FDCWD, path, READ_ONLY);
	return tree < 0 ? tree : sys_attach(tree, root, path + 1);
}

static int bind_device(int root, const char *path)
{
	int fd = openat(root, path + 1, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	close(fd);
	int tree = sys_clone_tree(AT_FDCWD, path, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	return tree < 0 ? tree : sys_attach(tree, root, path + 1);
}

static int fill_etc(int root)
{
	static const struct {
		const char *path, *text;
	} files[] = {
		{"etc/passwd", "root:x:0:0:root:/:/usr/sbin/nologin\n"
			       "agent:x:1000:1000:agent:/tmp:/bin/sh\n"
			       "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"},
		{"etc/group", "root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n"},
		{"etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"},
		{"etc/hostname", "sandbox\n"},
		{"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"},
		{"etc/resolv.conf", ""},
	};
	static const char *const copies[] = {"/etc/ld.so.cache", "/etc/localtime",
					     "/etc/ssl/openssl.cnf", "/etc/mime.types",
					     "/etc/os-release"};
	static const char *const folders[] = {"/etc/alternatives", "/etc/ssl/certs"};
	int r = mkdirat(root, "etc", 0755) || mkdirat(root, "etc/ssl", 0755) ? -errno : 0;
	for (size_t i = 0; r == 0 && i < sizeof(files) / sizeof(files[0]); i++)
		r = put_file(root, files[i].path, files[i].text);
	for (size_t i = 0; r == 0 && i < sizeof(copies) / sizeof(copies[0]); i++)
		r = copy_file(root, copies[i]);
	for (size_t i = 0; r == 0 && i < sizeof(folders) / sizeof(folders[0]); i++)
		r = bind_folder(root, folders[i]);
	return r;
}

static int fill_dev(int root)
{
	static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random",
					      "/dev/urandom"};
	static const char *const links[][2] = {{"/proc/self/fd", "dev/fd"},
					       {"/proc/self/fd/0", "dev/stdin"},
					       {"/proc/self/fd/1", "dev/stdout"},
					       {"/proc/self/fd/2", "dev/stderr"},
					       {"/tmp", "dev/shm"}};
	int r = mkdirat(root, "dev", 0755) ? -errno : 0;
	for (size_t i = 0; r == 0 && i < sizeof(devices) / sizeof(devices[0]); i++)
		r = bind_device(root, devices[i]);
	for (size_t i = 0; r == 0 && i < sizeof(links) / sizeof(links[0]); i++)
		r = symlinkat(links[i][0], root, links[i][1]) ? -errno : 0;
	return r;
}

static int make_root(int *ret_root)
{
	static const char *const options[] = {"mode=755", "size=16m", "nr_inodes=1024", NULL};
	int tree = sys_new_fs("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, options);
	if (tree < 0)
		return tree;
	int root = dup(tree);
	if (root < 0)
		return -errno;
	int r = sys_attach(tree, AT_FDCWD, ROOTFS_PLACE);
	static const char *const places[] = {"proc",	  "tmp",       "agent",
					     "workspace", "artifacts", "var"};
	for (size_t i = 0; r == 0 && i < sizeof(places) / sizeof(places[0]); i++)
		r = mkdirat(root, places[i], 0755) ? -errno : 0;
	if (r == 0 && symlinkat("/tmp", root, "var/tmp"))
		r = -errno;
	*ret_root = root;
	return r;
}

static int bind_system(int root)
{
	static const char *const folders[] = {"/usr",	"/bin",	  "/sbin",  "/lib",
					      "/lib32", "/lib64", "/libx32"};
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(folders) / sizeof(folders[0]); i++)
		r = bind_folder(root, folders[i]);
	return r;
}

static int seal(int root)
{
	struct mount_attr set = {.attr_set = READ_ONLY};
	return syscall(SYS_mount_setattr, root, "", AT_EMPTY_PATH, &set, sizeof(set)) ? -errno : 0;
}

enum wire_step rootfs_build(enum wire_step fail_step, int *ret_error)
{
	static const struct {
		int (*fn)(int root);
		enum wire_step step;
	} parts[] = {{bind_system, STEP_BASE_BIND},
		     {fill_etc, STEP_BASE_ETC},
		     {fill_dev, STEP_BASE_DEV},
		     {seal, STEP_BASE_ROOT}};
	int root = -1;
	umask(022);
	int r = make_root(&root);
	enum wire_step step = STEP_BASE_ROOT;
	for (size_t i = 0; r == 0 && i < sizeof(parts) / sizeof(parts[0]); i++) {
		step = parts[i].step;
		r = step == fail_step ? -EIO : parts[i].fn(root);
	}
	if (root >= 0)
		close(root);
	*ret_error = -r;
	return r ? step : STEP_NONE;
}
