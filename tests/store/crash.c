#include "crash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/mem.h"
#include "store/sqlite/sqlite.h"

enum { NODES = 2, NO_STORE_STATUS = 3 };

/* What the child says: a number > 0 is an acknowledgement. */
struct word {
	int acked;
	int n_ops, n_opens, n_syncs;
};

struct writer {
	struct store *store;
	int pipe_fd;
	int next, last; /* numbers to submit */
	int n_flying, most_flying;
	bool full;
};

struct numbered {
	struct writer *w;
	int number;
};

static void say(int fd, struct word word)
{
	if (write(fd, &word, sizeof(word)) != (ssize_t)sizeof(word))
		_exit(1);
}

static void written(struct txn *txn, int r)
{
	struct numbered *me = txn->owner;
	struct writer *w = me->w;
	int number = me->number;
	txn_free(txn);
	w->n_flying--;
	if (r == 0) {
		say(w->pipe_fd, (struct word){.acked = number});
		return;
	}
	ASSERT(r == -ENOSPC);
	/* all that fly come back in order: begin again with the first of them */
	if (!w->full)
		w->next = number;
	w->full = true;
}

static void submit(struct writer *w, int number)
{
	struct txn *txn = txn_new();
	struct numbered *me = ARENA_NEW(&txn->arena, struct numbered);
	*me = (struct numbered){w, number};
	txn->owner = me;
	txn->done = written;
	struct run_row *run = &txn_add(txn, TXN_RUN_ADD)->run;
	run->id = str_of(arena_printf(&txn->arena, "run-%06d", number));
	run->project = STR("default");
	run->created_ms = number;
	for (int i = 0; i < NODES; i++) {
		struct node_row *node = &txn_add(txn, TXN_NODE_PUT)->node;
		node->run_id = run->id;
		node->node_id = str_of(arena_printf(&txn->arena, "n%d", i));
		node->index = i;
		node->output = str_of(arena_printf(&txn->arena, "%0300d", number));
	}
	/* also a row that every transaction changes */
	struct key_row *key = &txn_add(txn, TXN_KEY_PUT)->key;
	*key = (struct key_row){.project = STR("default"), .key = STR("last"), .run_id = run->id};
	w->n_flying++;
	w->store->ops->submit(w->store, txn);
}

static void write_history(struct writer *w)
{
	while (w->next <= w->last || w->n_flying > 0) {
		while (!w->full && w->n_flying < w->most_flying && w->next <= w->last)
			submit(w, w->next++);
		sqlite_store_wait(w->store);
		sqlite_store_drain(w->store);
		if (w->n_flying == 0)
			w->full = false;
	}
}

static void child(const struct crash_writer *cw, int pipe_fd, int err_fd) NORETURN;
static void child(const struct crash_writer *cw, int pipe_fd, int err_fd)
{
	dup2(err_fd, STDERR_FILENO);
	bool faulty = cw->what != FAULTFS_NONE || cw->k != 0;
	if (faulty)
		faultfs_setup(cw->what, cw->k, cw->image_dir, cw->seed);
	CLEANUP_BUF struct buf reason = {0};
	struct writer w = {.pipe_fd = pipe_fd, .next = cw->first, .most_flying = cw->n_flying};
	w.last = cw->n ? cw->first + cw->n - 1 : 1 << 30;
	struct sqlite_store_config config = {.path = cw->path, .vfs = faulty ? "fault" : NULL};
	if (sqlite_store_open(&config, &w.store, &reason) != 0) {
		fprintf(stderr, "%.*s\n", STR_ARG(buf_str(&reason)));
		_exit(NO_STORE_STATUS);
	}
	write_history(&w);
	w.store->ops->free(w.store);
	struct faultfs_counts c = faultfs_counts();
	say(pipe_fd, (struct word){.n_ops = c.n_writes + c.n_syncs,
				   .n_opens = c.n_opens,
				   .n_syncs = c.n_syncs});
	_exit(0);
}

static void listen_to(int fd, pid_t pid, int first, int kill_after, struct crash_result *ret)
{
	struct word word;
	int n = 0;
	ret->in_order = true;
	while (read(fd, &word, sizeof(word)) == (ssize_t)sizeof(word)) {
		if (word.acked == 0) {
			ret->n_ops = word.n_ops;
			ret->n_opens = word.n_opens;
			ret->n_syncs = word.n_syncs;
			continue;
		}
		ret->in_order &= word.acked == first + n++;
		ret->n_acked = word.acked;
		if (n == kill_after)
			kill(pid, SIGKILL);
	}
}

void crash_run(struct tap *t, const struct crash_writer *w, int kill_after,
	       struct crash_result *ret)
{
	int words[2], err[2];
	*ret = (struct crash_result){0};
	CHECK(pipe2(words, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0);
	fflush(stdout);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		child(w, words[1], err[1]);
	close(words[1]);
	close(err[1]);
	listen_to(words[0], pid, w->first, kill_after, ret);
	ssize_t n = read(err[0], ret->reason, sizeof(ret->reason) - 1);
	ret->reason[n > 0 ? n : 0] = '\0';
	close(words[0]);
	close(err[0]);
	CHECK(waitpid(pid, &ret->status, 0) == pid);
	CHECK(ret->in_order);
}

static void acknowledged(struct txn *txn, int r)
{
	int *ret = txn->owner;
	*ret = r;
	txn_free(txn);
}

static void judge_runs(struct tap *t, struct store *s, struct store_reader *r, int n_acked,
		       int *ret_m)
{
	CLEANUP_ARENA struct arena a = {0};
	struct run_row *rows;
	size_t n;
	struct run_filter all = {.project = STR("default")};
	CHECK_INT(s->ops->run_list(r, &a, &all, &(struct store_page){0}, &rows, &n), 0);
	*ret_m = (int)n;
	if ((int)n < n_acked)
		tap_fail(t, __FILE__, __LINE__, "%d were acknowledged, %d are there", n_acked,
			 (int)n);
	for (size_t i = 0; i < n; i++) {
		struct run_detail d;
		CHECK_INT(rows[i].created_ms, n - i);
		CHECK_INT(s->ops->run_get(r, &a, STR("default"), rows[i].id, &d), 0);
		CHECK_INT(d.n_nodes, NODES);
	}
	struct key_row key;
	int rc = s->ops->key_get(r, &a, STR("default"), STR("last"), &key);
	CHECK_INT(rc, n > 0 ? 0 : STORE_NOT_FOUND);
	if (n > 0)
		CHECK_STR(key.run_id, rows[0].id);
}

void crash_judge(struct tap *t, const char *path, int n_acked, int *ret_m)
{
	CLEANUP_BUF struct buf reason = {0};
	struct store *s;
	struct store_reader *r;
	struct sqlite_store_config config = {.path = path};
	*ret_m = 0;
	if (sqlite_store_open(&config, &s, &reason) != 0) {
		tap_fail(t, __FILE__, __LINE__, "%.*s", STR_ARG(buf_str(&reason)));
		return;
	}
	int rc = s->ops->reader_new(s, &r);
	if (rc == 0) {
		judge_runs(t, s, r, n_acked, ret_m);
		s->ops->reader_free(r);
	} else {
		tap_fail(t, __FILE__, __LINE__, "reader: %s", strerror(-rc));
	}
	rc = -1;
	struct txn *txn = txn_new();
	txn_add(txn, TXN_KEYS_PRUNE)->key.created_ms = -1;
	txn->owner = &rc;
	txn->done = acknowledged;
	s->ops->submit(s, txn);
	s->ops->free(s);
	CHECK_INT(rc, 0);
}

void crash_dir(struct tap *t, char ret_dir[64])
{
	const char *ram = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(ret_dir, 64, "%s/drover-store-XXXXXX", ram);
	CHECK(mkdtemp(ret_dir));
}

void crash_dir_remove(const char *dir)
{
	CLEANUP_DIR DIR *d = opendir(dir);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		CLEANUP_FREE char *path = mem_printf("%s/%s", dir, e->d_name);
		if (unlink(path) != 0)
			crash_dir_remove(path);
	}
	rmdir(dir);
}
