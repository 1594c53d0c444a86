"""Writes an assembly file that carries the supervisor's bytes: embed.py PROGRAM OUTPUT."""
import os
import sys

program, output = sys.argv[1:]
with open(output, "w", encoding="utf-8") as f:
    f.write(
        f"""/* generated */
	.section .rodata
	.balign 16
	.globl supervisor_program
	.hidden supervisor_program
supervisor_program:
	.incbin "{os.path.abspath(program)}"
	.globl supervisor_program_end
	.hidden supervisor_program_end
supervisor_program_end:
	.byte 0
	.section .note.GNU-stack, "", %progbits
"""
    )
