# Completions of cachelens for fish. `cachelens completions fish` prints them.
complete -c cachelens -f -a '(cachelens complete -- (commandline -opc) (commandline -ct) 2>/dev/null)'
