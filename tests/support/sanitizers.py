"""How the C is compiled so that an error of memory or arithmetic ends the process."""

# -O1 in place of -O3: errors are reported at the lines that have them.
FLAGS = (
    *("-O1", "-g", "-fno-omit-frame-pointer"),
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
)
