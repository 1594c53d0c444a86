/*
 * Runs a fuzz target without a fuzzer: every file of a corpus, then seeded mutations of them.
 *
 *   fuzz_X CORPUS [ROUNDS [SEED [FIRST]]]
 *
 * A round depends on the seed and its number only. When one dies, its number is printed: run it
 * alone with ROUNDS 1 and FIRST its number. With clang -fsanitize=fuzzer the targets need no main.
 */
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/rng.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __asan_set_death_callback(void (*callback)(void)) __attribute__((weak));

enum { MAX_FILES = 4096, MAX_BYTES = 1 << 16, ROUNDS_DEFAULT = 20000 };

static struct buf files[MAX_FILES];
static size_t n_files;
static unsigned long long seed = 1, round_now;
static const char *file_now = "";

static void say_where(void)
{
	char text[400];
	int n = snprintf(text, sizeof(text),
			 "not ok 1 - died in file \"%s\", round %llu, seed %llu\n", file_now,
			 round_now, seed);
	if (n > 0 && write(STDOUT_FILENO, text, (size_t)n) < 0)
		_exit(1);
}

/* ASSERT ends here */
static void on_abort(int signal)
{
	(void)signal;
	say_where();
	_exit(1);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool read_file(const char *path, struct buf *out)
{
	CLEANUP_FILE FILE *f = fopen(path, "rb");
	if (!f)
		return false;
	buf_reserve(out, MAX_BYTES);
	out->n = fread(out->p, 1, MAX_BYTES, f);
	out->p[out->n] = '\0';
	return true;
}

/* In the order of names, so that a seed means the same on every machine. */
static bool read_corpus(const char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, NULL, by_name);
	for (int i = 0; i < n; i++) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && n_files < MAX_FILES &&
		    read_file(path, &files[n_files])) {
			file_now = path;
			LLVMFuzzerTestOneInput((const uint8_t *)files[n_files].p, files[n_files].n);
			n_files++;
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	file_now = "";
	return n_files > 0;
}

static const struct buf *any_file(struct rng *r)
{
	return &files[rng_below(r, n_files)];
}

/* Replaces `out` bytes at `at` by n others. */
static void splice(struct buf *b, size_t at, size_t out, const void *bytes, size_t n)
{
	CLEANUP_BUF struct buf tail = {0};
	buf_put(&tail, b->p + at + out, b->n - at - out);
	b->n = at;
	buf_put(b, bytes, n);
	buf_put(b, tail.p, tail.n);
}

static void mutate(struct rng *r, struct buf *b)
{
	size_t at = rng_below(r, b->n + 1), left = b->n - at;
	size_t n = left ? rng_below(r, left < 32 ? left : 32) + 1 : 0;
	const struct buf *other = any_file(r);
	size_t from = rng_below(r, other->n + 1);
	size_t take = other->n - from < 64 ? other->n - from : 64;
	static const char special[] = "\"\\{}[],:0-.eE9\n\x80\xff";
	char byte = special[rng_below(r, sizeof(special))];
	switch (rng_below(r, 6)) {
	case 0:
		if (left > 0)
			b->p[at] = (char)(b->p[at] ^ (1 << rng_below(r, 8)));
		break;
	case 1:
		splice(b, at, n, NULL, 0);
		break;
	case 2:
		splice(b, at, 0, &byte, 1);
		break;
	case 3:
		splice(b, at, n, other->p + from, take);
		break;
	case 4:
		splice(b, at, 0, other->p + from, take);
		break;
	default:
		if (left > 0)
			b->p[at] = byte;
		break;
	}
}

static void run_round(unsigned long long number)
{
	struct rng r;
	rng_seed(&r, seed * 1000003 + number);
	round_now = number;
	CLEANUP_BUF struct buf input = {0};
	const struct buf *file = any_file(&r);
	buf_put(&input, file->p, file->n);
	for (uint64_t i = rng_below(&r, 6) + 1; i > 0; i--)
		mutate(&r, &input);
	/* memory of the exact size, so that a byte too far is seen */
	CLEANUP_FREE uint8_t *exact = malloc(input.n ? input.n : 1);
	if (!exact)
		return;
	memcpy(exact, input.p, input.n);
	LLVMFuzzerTestOneInput(exact, input.n);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: %s CORPUS [ROUNDS [SEED [FIRST]]]\n", argv[0]);
		return 2;
	}
	unsigned long long rounds = argc > 2 ? strtoull(argv[2], NULL, 10) : ROUNDS_DEFAULT;
	seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
	unsigned long long first = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
	setvbuf(stdout, NULL, _IONBF, 0);
	printf("TAP version 13\n1..2\n");
	if (__asan_set_death_callback)
		__asan_set_death_callback(say_where);
	signal(SIGABRT, on_abort);
	bool any = read_corpus(argv[1]);
	printf("%sok 1 - %zu files of the corpus\n", any ? "" : "not ", n_files);
	for (unsigned long long i = 0; any && i < rounds; i++)
		run_round(first + i);
	printf("%sok 2 - %llu mutations with seed %llu\n", any ? "" : "not ", rounds, seed);
	for (size_t i = 0; i < n_files; i++)
		buf_free(&files[i]);
	return any ? 0 : 1;
}
