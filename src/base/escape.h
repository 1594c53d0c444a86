/* Text made safe for where it goes. Pure. */
#pragma once

#include "base/buf.h"
#include "base/str.h"

/*
 * Appends s as a JSON string with its quotes (RFC 8259). Bytes that are not UTF-8 become U+FFFD,
 * one for each; DEL and the C1 controls are escaped, so that the output is inert on a terminal.
 */
void escape_json(struct buf *out, struct str s);

/*
 * Appends s for a terminal: control characters (C0 but tab and newline, DEL, C1), bidirectional
 * overrides and invalid bytes appear as \xNN or \u{N}.
 */
void escape_terminal(struct buf *out, struct str s);
