#!/bin/sh
# Sizes of what lies at the top of the workspace, as JSON. A shell has no JSON, so this agent takes
# no input, and names go through json_string before they are printed.
set -eu
LC_ALL=C
export LC_ALL
workspace=${DROVER_WORKSPACE:-/workspace}

# A JSON string of any bytes: printable ASCII stays, every other byte becomes \u00XX, so that
# the output is valid whatever a file is called (bytes above 7F show as Latin-1).
json_string() {
	printf '"'
	printf '%s' "$1" | od -An -v -tu1 | awk '{
		for (i = 1; i <= NF; i++)
			if ($i == 34 || $i == 92) printf "\\%c", $i
			else if ($i < 32 || $i > 126) printf "\\u%04x", $i
			else printf "%c", $i
	}'
	printf '"'
}

size_kib() {
	# du says so on stderr (a log line) when it could not read all of it
	set -- "$(du -skx -- "$1" || true)"
	set -- "${1%%[!0-9]*}"
	printf '%s' "${1:-0}"
}

cat >/dev/null # the request: nothing to choose

cd -- "$workspace"
total=0
separator=''
printf '{"entries": ['
for name in * .[!.]* ..?*; do
	[ -e "$name" ] || continue # a pattern that matched nothing, or a dangling link
	[ -L "$name" ] && continue
	kind=file
	[ -d "$name" ] && kind=folder
	size=$(size_kib "./$name")
	total=$((total + size))
	printf '%s{"name": ' "$separator"
	json_string "$name"
	printf ', "kind": "%s", "sizeKiB": %s}' "$kind" "$size"
	separator=', '
done
printf '], "totalKiB": %s}\n' "$total"
echo "measured $workspace" >&2
