/* A private folder for a test, with files in it. */
#pragma once

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"

struct folder {
	char path[64];
};

static inline bool folder_new(struct folder *f)
{
	snprintf(f->path, sizeof(f->path), "/tmp/drover-test-XXXXXX");
	return mkdtemp(f->path) != NULL;
}

static inline void folder_remove(const char *path)
{
	DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		char inner[PATH_MAX];
		struct stat st;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", path, e->d_name);
		if (lstat(inner, &st) == 0 && S_ISDIR(st.st_mode))
			folder_remove(inner);
		else
			unlink(inner);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

static inline void folder_free(struct folder *f)
{
	if (f->path[0])
		folder_remove(f->path);
}

/* Writes a file (its folders are made) and returns whether that worked. */
static inline bool folder_write(const struct folder *f, const char *name, const char *text,
				mode_t mode)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	for (char *slash = path + strlen(f->path) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	CLEANUP_FILE FILE *file = fopen(path, "wb");
	if (!file)
		return false;
	fputs(text, file);
	return fchmod(fileno(file), mode) == 0;
}

#define FOLDER CLEANUP(folder_free) struct folder
