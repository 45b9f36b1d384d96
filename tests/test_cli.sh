#!/bin/sh
# Exit statuses and streams of the program without a screen: signals, closed pipes, what goes where.
set -u
program=${THINET_TUI:-./thinet-tui}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

check() { # NAME CONDITION...
    name=$1
    shift
    if "$@"; then
        echo "ok - $name"
    else
        echo "not ok - $name"
        failed=1
    fi
}

"$program" -c 'open zoo:fashion-vgg' -c layers >"$folder/out" 2>"$folder/err"
check "commands that succeed give status 0" test $? -eq 0
check "and nothing on standard error" test ! -s "$folder/err"
check "and a line for every layer" test "$(grep -c Conv "$folder/out")" -eq 6

"$program" -c 'open zoo:fashion-vgg' -c 'ratio conv1_9 0.5' -c layers >"$folder/out" 2>"$folder/err"
check "a command that fails gives status 1" test $? -eq 1
check "the message names -c, its number, the command and the nearest layer" \
    grep -q "^thinet-tui: -c:2: ratio: there is no layer 'conv1_9' (did you mean 'conv1_" "$folder/err"
check "nothing runs after it" test "$(wc -l <"$folder/out")" -eq 1

printf 'open zoo:fashion-vgg\n\n# a comment\nquit\nnonsense\n' >"$folder/s.tns"
"$program" --batch "$folder/s.tns" >/dev/null 2>&1
check "quit ends a script with status 0" test $? -eq 0

"$program" -c 'nonsense' --json >"$folder/out" 2>/dev/null
check "with --json a failure is an object as well" grep -q '^{"command":"nonsense","ok":false,"seconds":' "$folder/out"

{
    "$program" -c help -c help -c help
    echo $? >"$folder/status"
} 2>"$folder/err" | true
check "a closed pipe gives status 1" test "$(cat "$folder/status")" -eq 1
check "and says so" grep -q 'standard output' "$folder/err"

# A signal stops the running command; the journal is finished. The command runs until it is stopped, and
# standard input tells when it has begun: the line after it is never read.
mkfifo "$folder/fifo"
"$program" --session "$folder/s.thinet" --batch - --json <"$folder/fifo" >"$folder/out" 2>"$folder/err" &
process=$!
exec 3>"$folder/fifo"
echo 'open zoo:fashion-vgg' >&3
echo 'note begun' >&3
while kill -0 "$process" && ! grep -q '"note"' "$folder/out"; do :; done
kill -TERM "$process"
wait "$process"
check "a signal between commands gives status 1" test $? -eq 1
exec 3>&-
check "and is told" grep -q 'stopped by a signal' "$folder/err"
"$program" --session "$folder/s.thinet" -c journal >"$folder/out" 2>&1
check "the session is whole" grep -q 'note begun' "$folder/out"

"$program" </dev/null >/dev/null 2>"$folder/err"
check "the workbench without a terminal is wrong usage" test $? -eq 2
"$program" model.txt 2>/dev/null
check "a file of another kind is wrong usage" test $? -eq 2
"$program" --json </dev/null 2>/dev/null
check "--json without commands is wrong usage" test $? -eq 2

exit $failed
