/*
 * agent.yaml, and the API's way of saying the same thing.
 *
 *   name: security-scanner          ^[a-z][a-z0-9-]*$
 *   type: SCRIPT                    or RULE, for what is built into the service
 *   version: "1.0.0"
 *   description: ...
 *   riskLevel: AUTO                 or APPROVAL_REQUIRED
 *   command: [./scanner, --json]    SCRIPT only; never a shell line
 *   timeout: 5m                     default of its nodes
 *   limits: {memory: 512Mi, cpu: 1, pids: 64, network: none, output: 16Mi, tmp: 64Mi}
 *   capabilities:                   a map by name, or a list with `name`
 *     scan: {description: ..., inputSchema: {...}, outputSchema: {...}, effect: pure}
 *
 * The judged form is a value in the API's shape: {name, type, version, description, riskLevel,
 * command, limits, capabilities: [{name, description, inputSchema, outputSchema, effect, probe}]},
 * defaults filled in; `timeout` became limits.timeout. Loop or any other thread; files are read in
 * place.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/sha256.h"
#include "json/value.h"

#define MANIFEST_FILE "agent.yaml"

enum manifest_outcome {
	MANIFEST_REFUSED = 1, /* the findings say why */
};

enum manifest_source {
	MANIFEST_FROM_FILE,
	MANIFEST_FROM_API, /* project, projectId, entryPath may stand in it: judged by the API */
};

/*
 * Judges a parsed manifest. 0 with *ret in the API's shape, or MANIFEST_REFUSED with findings
 * whose paths are those of `source`. Schemas are only looked at from outside here: whoever
 * registers the agent compiles them. *ret borrows from `source`.
 */
int manifest_judge(struct arena *a, const struct value *source, enum manifest_source from,
		   struct diag *d, struct value *ret);

/*
 * Reads FOLDER/agent.yaml and judges it; findings have line and column. *ret has `entryPath`
 * (the folder as given) for a SCRIPT, whose command, when it is a path, must be there and be
 * executable. 0, MANIFEST_REFUSED, or a negative errno (-ENOENT: no manifest there).
 */
int manifest_load(struct arena *a, const char *folder, struct diag *d, struct value *ret);

/* Whether text is a name as agents, actions, nodes and workflows have it. */
bool manifest_name_valid(struct str name);

/*
 * SHA-256 over all files of a folder: their paths in byte order, whether they are executable,
 * their bytes; of symbolic links the target, nothing is followed. 0, or a negative errno: -E2BIG
 * above the LIMIT_AGENT_FOLDER_* bounds, -EINVAL for a device, socket or pipe in it.
 */
int manifest_digest(const char *folder, char ret_hex[SHA256_HEX_BYTES]);
