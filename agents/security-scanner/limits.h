/* Every bound of the scanner. It is a program of its own, so its bounds stand here. */
#pragma once

enum {
	LIMIT_SCAN_INPUT_BYTES = 4 << 20, /* the request on stdin */
	LIMIT_SCAN_DEPTH = 128,		  /* folders inside folders; deeper ones are errors */
	LIMIT_SCAN_BATCH_ENTRIES = 4096,  /* names of one folder sorted at a time */
	LIMIT_SCAN_BATCH_BYTES = 256 << 10,
	LIMIT_SCAN_PATH_BYTES = 8192,	       /* below the workspace; longer ones are errors */
	LIMIT_SCAN_FILE_BYTES = 8 << 20,       /* larger files are skipped (default) */
	LIMIT_SCAN_FILE_BYTES_MOST = 64 << 20, /* ... and the most that can be asked for */
	LIMIT_SCAN_BINARY_BYTES = 8192, /* a NUL in so many first bytes makes a file binary */
	LIMIT_SCAN_FINDINGS = 1000,	/* kept (default), the rest are counted */
	LIMIT_SCAN_FINDINGS_MOST = 10000,
	LIMIT_SCAN_ERRORS = 1000,
	LIMIT_SCAN_OUTPUT_BYTES = 12 << 20, /* of findings; drover takes 16 MiB in all */
	LIMIT_SCAN_GLOBS = 1000,	    /* include and exclude patterns */
	LIMIT_SCAN_EXCERPT_BYTES = 200,
	LIMIT_SCAN_WINDOW_BYTES = 2048,	    /* of a line, looked at on each side of a hit */
	LIMIT_SCAN_LINE_FINDINGS = 64,	    /* of one rule on one line */
	LIMIT_SCAN_SPANS = 256,		    /* secrets on one line; with more it is hidden whole */
	LIMIT_SCAN_PEM_BYTES = 16 << 10,    /* how far above a line a key block is looked for */
	LIMIT_SCAN_MATCH_STEPS = 200000,    /* of one pattern on one window */
	LIMIT_SCAN_GLOB_TOKENS = 1024,	    /* of one ignore pattern; longer ones are errors */
	LIMIT_SCAN_IGNORE_BYTES = 1 << 20,  /* of one ignore file */
	LIMIT_SCAN_IGNORE_PATTERNS = 20000, /* in force at one place */
	LIMIT_SCAN_PROGRESS_FILES = 20000,  /* a progress line on stderr every so many files */
};
