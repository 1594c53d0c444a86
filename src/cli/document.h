/* Documents from files, standard input or the command line, for commands. One thread. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "json/value.h"

/* Reads a whole file ("-" = standard input), at most 64 MiB. False after saying why on stderr. */
bool document_read(const char *path, struct buf *ret);

/*
 * A JSON argument: the text itself, or @FILE ("@-" = standard input). False after saying why on
 * stderr with the place in the text.
 */
bool document_json(struct arena *a, const char *arg, struct value *ret);

/*
 * KEY=VALUE as a member of the object; a value that reads as JSON is taken so, else it is a string.
 * False after saying why on stderr. The text is borrowed.
 */
bool document_set(struct arena *a, struct value *object, const char *command, const char *pair);

/* "application/yaml" unless the name ends in .json. */
const char *document_type(const char *path);

/* Calls `answer` for every line of standard input and prints what it appends as one line, flushed
 * at once. For --lines. */
int document_lines(void (*answer)(void *arg, struct str line, struct buf *out), void *arg);
