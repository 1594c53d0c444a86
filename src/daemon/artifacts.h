/*
 * Where SCRIPT attempts keep files: ROOT/RUN/NODE/ATTEMPT, made for the attempt, removed when it
 * leaves nothing in it. The API reads the same folders (api/api_artifacts.c). Loop thread.
 */
#pragma once

#include "base/buf.h"
#include "engine/executor.h"

struct uv_loop_s;

/*
 * Makes the attempt's folder. 0 with *ret_path (absolute when root is; the caller frees) and
 * *ret_fd (O_PATH; the caller closes it), or a negative errno.
 */
int artifacts_begin(const char *root, const struct attempt_start *start, char **ret_path,
		    int *ret_fd);

/*
 * The attempt has ended and none of its processes is left. False with a sentence when it left more
 * than LIMIT_ARTIFACTS_*: then all of it is removed, by a thread of the loop's pool.
 */
bool artifacts_end(struct uv_loop_s *loop, const char *path, struct buf *why);
