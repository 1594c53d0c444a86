/*
 * Every bound of the program has its name here. A loop, buffer, queue, depth or retry without a
 * name in this file is a mistake.
 */
#pragma once

enum {
	/* documents */
	LIMIT_JSON_DEPTH = 512,	    /* nested arrays and objects */
	LIMIT_BODY_BYTES = 4 << 20, /* one HTTP request body */
	LIMIT_YAML_BYTES = 1 << 20, /* one workflow or manifest file */
	LIMIT_YAML_DEPTH = 64,
	LIMIT_DIAG_FINDINGS = 100,		    /* findings kept of one judged document */
	LIMIT_NAME_BYTES = 128,			    /* workflow, agent, node, project names */
	LIMIT_NODE_ID_BYTES = LIMIT_NAME_BYTES + 8, /* the same of an item: "scan[12345]" */

	/* workflow definitions */
	LIMIT_PLAN_NODES = 20000,
	LIMIT_PLAN_DEPENDS = 200000,	       /* edges in all */
	LIMIT_PLAN_REFS = 1000000,	       /* results that templates may read, in all */
	LIMIT_RETRY_ATTEMPTS = 100,	       /* retry.maxAttempts */
	LIMIT_FOREACH_ITEMS = 20000,	       /* of one node with forEach */
	LIMIT_FOREACH_PARALLEL = 100,	       /* items at once, unless the node says maxParallel */
	LIMIT_FOREACH_OUTPUT_BYTES = 16 << 20, /* outputs of a node's items together */
	LIMIT_RUN_NODES = 200000,	       /* nodes and items of one run */
	LIMIT_APPROVERS = 100,		       /* names, and so the most a quorum can be */
	LIMIT_APPROVAL_DEFAULT_HOURS = 24,     /* a question expires after, unless the node says */
	LIMIT_APPROVAL_NOTES_BYTES = 4096,
	LIMIT_APPROVAL_REMINDERS = 100,	   /* of one question */
	LIMIT_BULK_RUNS = 500,		   /* that one request acts on */
	LIMIT_REASON_BYTES = 4096,	   /* why something is cancelled, paused, … */
	LIMIT_CONCURRENCY = 100000,	   /* the most that a limit of runs can be */
	LIMIT_CONCURRENCY_KEY_BYTES = 512, /* resolved */
	LIMIT_PRIORITY = 9,		   /* the highest */
	LIMIT_PRIORITY_DEFAULT = 5,
	LIMIT_DURATION_DAYS = 365, /* time-outs and retry intervals */

	/* expressions */
	LIMIT_CEL_SOURCE_BYTES = 8192,
	LIMIT_CEL_DEPTH = 64,	     /* of the syntax tree */
	LIMIT_CEL_STEPS = 100000,    /* evaluation steps of one template */
	LIMIT_CEL_BYTES = 4 << 20,   /* memory one evaluation may make */
	LIMIT_CEL_STEP_BYTES = 256,  /* bytes looked at that count as one step */
	LIMIT_CEL_ERROR_BYTES = 256, /* of a message or path; longer is cut */
	LIMIT_CEL_ARGS = 16,	     /* arguments of one call */
	LIMIT_REGEX_PATTERN_BYTES = 1024,
	LIMIT_REGEX_REPEAT = 1000,	       /* the count in a{count} */
	LIMIT_REGEX_NESTING = 32,	       /* parentheses in parentheses */
	LIMIT_REGEX_CODE_BYTES = 256 << 10,    /* one compiled pattern */
	LIMIT_REGEX_HEAP_KIB = 512,	       /* one match */
	LIMIT_REGEX_STEP_ITEMS = 8,	       /* pattern items tried that count as one step */
	LIMIT_TEMPLATE_OUTPUT_BYTES = 1 << 20, /* one resolved document */

	/* schedules */
	LIMIT_CRON_BYTES = 256,		/* one cron expression */
	LIMIT_CRON_YEARS = 100,		/* how far ahead a fire is looked for */
	LIMIT_CRON_FIRES = 1000,	/* fires listed at once */
	LIMIT_PLAN_TRIGGERS = 100,	/* triggers of one workflow */
	LIMIT_SCHEDULE_CATCHUP = 100,	/* missed fires made up at once; older ones are not */
	LIMIT_SCHEDULE_WAITING = 10,	/* fires of one schedule that wait for a run's end */
	LIMIT_SCHEDULE_BACKFILL = 100,	/* fires of one backfill */
	LIMIT_SCHEDULE_UPCOMING = 5,	/* next fires shown */
	LIMIT_SCHEDULE_LATE_MS = 10000, /* a fire is on time until then, whatever catchup */
	LIMIT_SCHEDULE_LOOK_MS = 10000, /* the wall clock is looked at that often */
	LIMIT_ZONE_BYTES = 256 << 10,	/* one file of a time zone */
	LIMIT_ZONE_CHANGES = 10000,	/* changes of the offset in it */
	LIMIT_ZONES = 1000,		/* time zones kept in memory */

	/* schemas */
	LIMIT_SCHEMA_SITES = 50000,		/* subschemas of one schema */
	LIMIT_SCHEMA_DEPTH = 2000,		/* of judging, in subschemas */
	LIMIT_SCHEMA_STEPS = 500000,		/* of judging any instance, and besides ... */
	LIMIT_SCHEMA_STEPS_PER_VALUE = 100,	/* ... for each value in it */
	LIMIT_SCHEMA_SCRATCH_BYTES = 4 << 20,	/* kept findings of alternatives */
	LIMIT_SCHEMA_PATTERN_BYTES = 8 << 20,	/* compiled patterns of one schema */
	LIMIT_PATTERN_SOURCE_BYTES = 4096,	/* one regular expression of a schema */
	LIMIT_PATTERN_NESTING = 100,		/* groups in groups */
	LIMIT_PATTERN_STEPS = 1000000,		/* of one match, as PCRE2 counts them */
	LIMIT_PATTERN_HEAP_KIB = 16 << 10,	/* of one match */
	LIMIT_PATTERN_SUBJECT_BYTES = 64 << 10, /* longer text is not matched */

	/* agents */
	LIMIT_AGENT_OUTPUT_BYTES = 16 << 20,	/* stdout of one attempt */
	LIMIT_AGENT_INPUT_ENV_BYTES = 64 << 10, /* AGENT_INPUT is set below this */
	LIMIT_LOG_LINE_BYTES = 16 << 10,	/* a longer stderr line is cut */
	LIMIT_LOG_LINES = 100000,		/* lines kept of one attempt */
	LIMIT_LOG_BYTES = 16 << 20,		/* bytes kept of one attempt's stderr */
	LIMIT_AGENT_CAPABILITIES = 64,
	LIMIT_AGENT_COMMAND_WORDS = 256,
	LIMIT_AGENT_DESCRIPTION_BYTES = 4096,
	LIMIT_AGENT_FOLDER_FILES = 10000, /* files and links of one agent's folder */
	LIMIT_AGENT_FOLDER_BYTES = 256 << 20,
	LIMIT_AGENT_FOLDER_DEPTH = 16,
	LIMIT_AGENT_FOLDERS = 1000,	    /* agents found under all roots */
	LIMIT_ARTIFACTS_BYTES = 1 << 30,    /* files that one attempt may keep, together */
	LIMIT_ARTIFACTS_ENTRIES = 1000,	    /* the same: files, folders and links */
	LIMIT_ARTIFACTS_DEPTH = 12,	    /* the same: folders in folders */
	LIMIT_ATTEMPTS_LOST = 5,	    /* attempts lost to crashes before a node fails */
	LIMIT_PROBE_TRIES = 3,		    /* probes that may fail before people are asked */
	LIMIT_UNKNOWN_SHOWN = 1000,	    /* UNKNOWN nodes in one list */
	LIMIT_RESOLVE_TEXT_BYTES = 4096,    /* who resolves a node, why, and the message */
	LIMIT_ERROR_BYTES = 4096,	    /* kept of one error message */
	LIMIT_ATTEMPTS_LATER = 100,	    /* "retry later" answers before a node fails */
	LIMIT_POLICY_MOST = 1000000,	    /* an agent's concurrency and rate limits */
	LIMIT_BREAKER_FAILURES = 100,	    /* circuitBreaker.failures */
	LIMIT_RETRY_CODES = 64,		    /* entries of retryOn and of nonRetryable */
	LIMIT_AGENT_CODE_BYTES = 64,	    /* an error code that an agent gives itself */
	LIMIT_AGENT_ERROR_BYTES = 64 << 10, /* of stdout that is read as an error */
	LIMIT_PROGRESS_MS = 1000,	    /* between two writes of one attempt's progress */
	LIMIT_PROGRESS_EVENTS = 100,	    /* its events are this part of its age apart */

	/* requests to others */
	LIMIT_HTTP_CLIENT_CONNECTIONS = 256, /* open at once, more calls wait */
	LIMIT_HTTP_CLIENT_KEPT = 32,	     /* idle ones kept for the next call */
	LIMIT_HTTP_CLIENT_HEADER_BYTES = 64 << 10,

	/* sandboxes */
	LIMIT_SANDBOX_MESSAGE_BYTES = 160 << 10, /* command, arguments and environment together */
	LIMIT_SANDBOX_STRINGS = 4096,		 /* arguments; variables of the environment */
	LIMIT_SANDBOX_PREPARED = 4096,		 /* made and not yet started */
	LIMIT_SANDBOX_TMP_FILES = 65536,	 /* in one /tmp */
	LIMIT_SANDBOX_ANSWER_MS = 5000,		 /* the supervisor's time to answer at the start */
	LIMIT_SANDBOX_SWEEPS = 1000,		 /* tries to remove a control group */
	LIMIT_SANDBOX_FREE_MS = 500,		 /* the same, when drover ends */
	LIMIT_SANDBOX_STALE_MS = 30,		 /* the same, for those of a dead drover */
	LIMIT_SANDBOX_COPY_BYTES = 4 << 20,	 /* one file copied into the base system's /etc */
	LIMIT_PROC_FILE_BYTES = 256 << 10,	 /* one file of /proc or a control group */

	/* running */
	LIMIT_OPEN_RUNS = 200000,	  /* more are refused with 429 */
	LIMIT_PROJECT_OPEN = 100000,	  /* the same of one project */
	LIMIT_RUNS_MOST = 10000000,	  /* the most that serve takes for limits of runs */
	LIMIT_SHARE_WAIT_MS = 1000,	  /* a project waits so long for its first slot */
	LIMIT_RUN_DEPTH = 16,		  /* workflows that call workflows */
	LIMIT_RUN_TREE = 16000,		  /* open runs below one that nobody called */
	LIMIT_HELD_REPLY_MS = 2000,	  /* an answer waits so long for a full disk */
	LIMIT_TXN_OPS = 20000,		  /* rows of one group commit */
	LIMIT_RETENTION_DAYS = 36500,	  /* the longest retention but for ever ... */
	LIMIT_RETENTION_LEAST_MS = 60000, /* ... and the shortest */
	LIMIT_PRUNE_RUNS = 50,		  /* deleted in one step of a purge ... */
	LIMIT_PRUNE_LOOK = 2000,	  /* ... and looked at */
	LIMIT_INLINE_BYTES = 64 << 10,	  /* a larger value is stored apart, by its hash */
	LIMIT_FILTER_TEXT_BYTES = 1024,	  /* text filter of a list of runs */
	LIMIT_SEARCH_MS = 20,		  /* a page of a list of runs looks for so long */
	LIMIT_WHY_NODES = 500,		  /* waiting nodes explained in one answer */
	LIMIT_WHY_CHAIN = 32,		  /* links shown of one chain of blockers */
	LIMIT_READERS = 2,		  /* threads of the store's reader pool */
	LIMIT_SSE_STREAMS = 1000,
	LIMIT_PAGE_DEFAULT = 50,
	LIMIT_PAGE_MOST = 500,
	LIMIT_IDEMPOTENCY_KEY_BYTES = 255,
	LIMIT_IDEMPOTENCY_HOURS = 24,
	LIMIT_SUBJECT_BYTES = 255,	   /* of an event or a signal's name */
	LIMIT_SIGNAL_BYTES = 64 << 10,	   /* data of one signal */
	LIMIT_RUN_SIGNALS = 1000,	   /* kept by one run until a node waits for them */
	LIMIT_RUN_SIGNALS_BYTES = 4 << 20, /* the same, in all */

	/* HTTP server */
	LIMIT_HTTP_CONNECTIONS = 2048, /* at once; more wait in the listen queue */
	LIMIT_HTTP_CONNECTION_BYTES = 24
				      << 10, /* memory of one connection: its headers fit or 431 */
	LIMIT_HTTP_HEADERS = 100,	     /* header lines of one request */
	LIMIT_HTTP_TARGET_BYTES = 8 << 10,   /* path and query; more is 414 */
	LIMIT_HTTP_SEGMENTS = 20,	     /* path segments; more is 404 */
	LIMIT_HTTP_QUERY_PARAMS = 32,
	LIMIT_HTTP_REQUEST_ID_BYTES = 128, /* a longer X-Request-Id is replaced */
	LIMIT_HTTP_IDLE_MS = 60000,	   /* without a byte, and until the next headers */
	LIMIT_HTTP_HEADERS_MS = 15000,	   /* from the request line to the end of the headers */
	LIMIT_HTTP_BODY_MS = 60000,	   /* from the headers to the end of the body */
	LIMIT_HTTP_SEND_MS = 120000,	   /* one answer that is no stream, and besides ... */
	LIMIT_HTTP_SEND_BYTES_PER_MS = 64, /* ... a millisecond for so much of a file */
	LIMIT_SSE_BUFFER_BYTES = 64 << 10, /* unsent bytes of one stream */
	LIMIT_SSE_HEARTBEAT_MS = 15000,

	/* API */
	LIMIT_STORAGE_MS = 500,		 /* folders of artifacts are weighed for so long */
	LIMIT_READ_QUEUE = 2048,	 /* requests that wait for a reader; more get 503 */
	LIMIT_WAITERS = 4096,		 /* triggers that wait for the end of their run */
	LIMIT_WAIT_S = 300,		 /* the longest such wait */
	LIMIT_ITEMS_SHOWN = 100,	 /* items of a node in the answer about its run ... */
	LIMIT_ITEMS_SHOWN_IN_ALL = 1000, /* ... and of all its nodes */
	LIMIT_STREAM_ROWS = 200,	 /* rows read at once for one stream */
	LIMIT_CURSOR_BYTES = 512,
	LIMIT_ARTIFACTS_LISTED = 20000, /* files and folders of one run that are listed */
};
