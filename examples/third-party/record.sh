#!/bin/sh
# Records any command as an experiment of format 1.0 (spec/1.0/format.md), in POSIX shell, awk and git:
#
#     record.sh [--id ID] [--description TEXT] [--directory DIR] -- ./train --lr 0.1
#
# The command may give a summary, as often as it likes: `record.sh --summary <results.json`.
# A shell sees no exceptions, and can't tell exit code 143 from SIGTERM; it resumes nothing, and knows no defaults.
set -u
export LC_ALL=C GIT_OPTIONAL_LOCKS=0

refuse() {
    printf 'record.sh: %s\n' "$1" >&2
    exit 2
}

git() { (unset GIT_DIR GIT_WORK_TREE && command git "$@"); } # the code is here, whatever repository these name

# JSON. awk takes what the arguments hold, whatever it is, from ARGV.
functions='
    BEGIN { for (i = 1; i < 32; i++) escape[sprintf("%c", i)] = sprintf("\\u%04x", i); escape["\n"] = "\\n" }
    function text(s,   i, c, out) {
        for (i = 1; i <= length(s); i++) {
            c = substr(s, i, 1)
            out = out (c == "\"" || c == "\\" ? "\\" c : c in escape ? escape[c] : c)
        }
        return "\"" out "\""
    }
    function value(s) { return s ~ /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$/ ? s : text(s) }
    function list(all, n, indent,   i, out) {
        for (i = 1; i <= n; i++) out = out (i > 1 ? "," : "") "\n" indent "    " all[i]
        return "[" out (n ? "\n" indent : "") "]"
    }'
utf8() { iconv -c -f UTF-8 -t UTF-8; }
string() { awk "$functions BEGIN { print text(ARGV[1]) }" "$1" | utf8; }
strings() { awk "$functions BEGIN { while (++n < ARGC) all[n] = text(ARGV[n]); print list(all, n - 1, \"    \") }" "$@" | utf8; }

# `--lr 0.1 --name=x --fast a b` is {"lr": 0.1, "name": "x", "fast": true, "arguments": ["a", "b"]}.
arguments() {
    awk "$functions"'
        function add(name, json) {
            if (!(name in count)) order[++names] = name
            found[name, ++count[name]] = json
        }
        BEGIN {
            for (i = 1; i < ARGC; i++) {
                option = ARGV[i]
                if (option !~ /^--./) { add("arguments", value(option)); continue }
                option = substr(option, 3)
                at = index(option, "=")
                if (at) add(substr(option, 1, at - 1), value(substr(option, at + 1)))
                else if (i + 1 < ARGC && ARGV[i + 1] !~ /^--./) add(option, value(ARGV[++i]))
                else add(option, "true")
            }
            for (n = 1; n <= names; n++) {
                name = order[n]
                for (i = 1; i <= count[name]; i++) all[i] = found[name, i]
                json = count[name] == 1 && name != "arguments" ? all[1] : list(all, count[name], "    ")
                printf "%s\n    %s: %s", (n > 1 ? "," : "{"), text(name), json
            }
            print names ? "\n}" : "{}"
        }' "$@" | utf8
}

# A file is replaced whole or not at all (WRITE-1 to WRITE-4, WRITE-7).
replace() {
    new=$folder/.$1.$$
    if printf '%s\n' "$2" >"$new" && { sync "$new" || :; } 2>/dev/null && mv -f "$new" "$folder/$1"; then return; fi
    rm -f "$new"
    return 1
}

now() { date +%Y-%m-%dT%H:%M:%S%z | sed 's/..$/:&/'; }

if [ "${1-}" = --summary ]; then
    folder=${EXPERIMENT:?is set in commands that record.sh runs}
    replace summary.json "$(cat)"
    exit
fi

id='' given='' description='' directory=experiments
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    case $1 in
        --id) id=${2-} given=yes ;;
        --description) description=${2-} ;;
        --directory) directory=${2-} ;;
        *) refuse "unknown option $1; the command stands after --" ;;
    esac
    shift 2 || refuse "$1 needs a value"
done
[ $# -gt 1 ] || refuse "no command; it stands after --"
shift

# The code is that of a commit (META-5, GIT-1).
sha=$(git rev-parse --verify -q HEAD) || refuse "there is no commit here to record; commit your code first"
index=$(git rev-parse --absolute-git-dir)/record.sh.$$ # a new one hides no file, as the user's may
changed=$(unset GIT_DIR GIT_WORK_TREE && GIT_INDEX_FILE=$index sh -c 'git read-tree HEAD &&
    git diff --name-only --no-relative --ignore-submodules=none HEAD -- :/ ":(exclude)$1"' sh "$directory") || exit 2
rm -f "$index"
[ -z "$changed" ] || refuse "commit these first: $changed"

# A folder of its own (DIR-2, ID-1 to ID-7).
if mkdir "$directory" 2>/dev/null; then printf '*\n' >"$directory/.gitignore"; fi
if [ "$given" ]; then
    case $id in
        '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]* | *.) refuse "the id '$id' is none: letters, digits and . _ - inside" ;;
    esac
    case $(printf %s "${id%%.*}" | tr a-z A-Z) in
        CON | PRN | AUX | NUL | COM[0-9] | LPT[0-9]) refuse "the id '$id' can't be a folder on Windows" ;;
    esac
    [ ${#id} -le 128 ] || refuse "the id has more than 128 characters"
    mkdir "$directory/$id" || refuse "choose another id"
else
    id=0
    for path in "$directory"/[1-9]*; do
        number=${path##*/}
        case $number in *[!0-9]*) continue ;; esac
        if [ ${#number} -le 18 ] && [ "$number" -gt "$id" ]; then id=$number; fi
    done
    while id=$((id + 1)); ! mkdir "$directory/$id" 2>/dev/null; do
        [ -e "$directory/$id" ] || refuse "nothing can be written in $directory"
    done
fi
folder=$(cd "$directory/$id" && pwd)

# The start (START-1). Of the process, what tells it from all others (LIVE-4).
start=$(now)
message=$(string "$(git log -1 --no-show-signature --encoding=UTF-8 --format=%B)")
description=$(string "$description")
format='Meticulous experiment folder'
uuid=$({ cat /proc/sys/kernel/random/uuid || uuidgen | tr A-F a-f; } 2>/dev/null) || uuid=''
uuid=${uuid:+$(printf '\n    "uuid": "%s",' "$uuid")} # ID-8, where the system makes one
command=$(strings "$@")
process=''
if [ -r /proc/$$/stat ] && namespace=$(readlink /proc/self/ns/pid); then
    boot=$(cat /proc/sys/kernel/random/boot_id)
    ticks=$(sed 's/.*) //' /proc/$$/stat | cut -d ' ' -f 20)
    process=$(printf ',\n    "process-start": "linux:%s:%s:%s"' "$boot" "$(echo "$namespace" | tr -dc 0-9)" "$ticks")
fi
metadata() {
    end=${1:+$(printf ',\n    "end-time": "%s"' "$1")}
    cat <<END
{
    "format": "$format",
    "format-version": "1.0",$uuid
    "githead-sha": "$sha",
    "githead-message": $message,
    "description": $description,
    "timestamp": "$start",
    "start-time": "$start",
    "command": $command,
    "recorder": "record.sh 1.0",
    "hostname": $(string "$(uname -n)"),
    "pid": $$$process$end
}
END
}
program=$1
shift
replace metadata.json "$(metadata)" && replace args.json "$(arguments "$@")" &&
    : >>"$folder/stdout" && : >>"$folder/stderr" && replace STATUS RUNNING || {
    rm -rf "$folder"
    refuse "nothing can be written in $directory"
}

# Output goes through two pipes to the terminal and the files (OUT-2, OUT-3).
out=$folder/.out.$$ err=$folder/.err.$$
mkfifo "$out" "$err"
exec 3<&0
tee -a "$folder/stdout" <"$out" &
outs=$!
tee -a "$folder/stderr" <"$err" >&2 &
errs=$!

# Signals are the program's; it may go on. What a shell starts beside itself is deaf to SIGINT: SIGTERM has to do.
signal=''
for name in TERM HUP INT; do
    to=$name
    [ $name != INT ] || to=TERM
    trap "signal=$name caught=yes; kill -s $to \$child 2>/dev/null" $name
done
EXPERIMENT=$folder "$program" "$@" <&3 >"$out" 2>"$err" &
child=$!
code=127
while # a signal ends `wait`, too; then once more: what is forgotten by then (127) has been told
    caught=''
    wait $child
    told=$?
    [ $told -eq 127 ] || code=$told
    [ "$caught" ] && [ $told -ne 127 ]
do :; done
while kill -0 $outs 2>/dev/null || kill -0 $errs 2>/dev/null; do wait $outs $errs; done
rm -f "$out" "$err"

# The end (END-1), and then the same end for whoever waits for us.
ended=''
if [ $code -gt 128 ] && ended=$(kill -l $code 2>/dev/null) && [ "$ended" ]; then
    if [ "$signal" = INT ] && [ "$ended" = TERM ]; then ended=INT; fi
    status="ERROR
signal SIG$ended"
elif [ $code -gt 0 ]; then
    status="ERROR
exit code $code"
else
    status=SUCCESS
fi
replace metadata.json "$(metadata "$(now)")"
replace STATUS "$status"
if [ "$ended" ]; then
    trap - TERM HUP INT
    kill -s "$ended" $$
fi
exit $code
