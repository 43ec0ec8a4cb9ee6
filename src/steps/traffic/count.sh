# Counts the requests that web servers write into their logs, by the times in their lines.
#
# Arguments: how many seconds; user agents to leave out, one a line; the logs. Prints `time START END`, then
# `open FILE` for each file that is called as a log is and that somebody has open for writing, as far as that can be
# seen, then for each log
#
#   log NUMBER STATE SKIPPED ODD NAMELESS UNTIMED NEWEST LAG FIRST OFF BURST KNOWN USED UNSURE AHEAD FILE
#   at NUMBER AGE IPV4 IPV6 OTHER ERRORS DENIED LED
#
# then `end`. The numbers of `log` are of the lines that were written while it looked; those of `at` are of the
# requests whose line tells a time AGE seconds ago, whenever it was written: ERRORS have status 5xx, DENIED 4xx, and LED
# lead elsewhere (301, 302, 303, 307, 308). NEWEST is the age of the newest line (of a
# log without one -2 less the seconds since something was written into it),
# LAG how far lines come behind newer ones (several workers with a buffer each), FIRST the age of the oldest line
# that was read of a log with more before it; -1 where there is none. OFF is by how many seconds the times in the
# lines come behind the moment at which they are written, as far as that was seen: ages are told without it. Where
# UNSURE is 1, OFF is only what the last write lets one guess, and ages are told as if it were 0. BURST is
# how many lines a buffer may hold back, by how many the log grew at once at the least; -1 where it did not grow.
# KNOWN is how many lines are requests in a known form, of all that were read; -1 where there was no line. USED is 1
# where something was written into the file. AHEAD is how many lines tell a time that had not come yet: they are
# counted with the line before them. FILE tells files from each other.
# Only the end of a log is read, so a log of any size costs the same. Nothing but a regular file is opened: to read a
# pipe is to take from its reader. lines_awk is the program for awk that counts the
# lines of one log.
LC_ALL=C
export LC_ALL
seconds=$1
AGENTS=$2
export AGENTS
shift 2

# What $1 is where it is no regular file. Links are followed by name: what /dev/stdout is here is not what it is to
# the web server.
other_kind() {
    path=$1
    links=0
    while :; do
        folder=$(cd -P -- "$(dirname -- "$path")" 2>/dev/null && pwd -P)
        case $folder/ in
        /dev/shm/*) ;;
        /dev/* | /proc/*)
            echo device
            return 0
            ;;
        esac
        [ -h "$path" ] && [ "$links" -lt 40 ] || break
        links=$((links + 1))
        to=$(readlink -- "$path")
        case $to in
        /*) path=$to ;;
        *) path=$(dirname -- "$path")/$to ;;
        esac
    done
    if [ -p "$path" ]; then
        echo fifo
    elif [ -S "$path" ]; then
        echo socket
    elif [ -d "$path" ]; then
        echo folder
    elif [ -e "$path" ] && [ ! -f "$path" ]; then
        echo device
    else
        return 1
    fi
}

inode_and_size() {
    [ -f "$1" ] && [ -r "$1" ] || return 1
    stat -L -c '%i %s' -- "$1" 2>/dev/null || stat -L -f '%i %z' "$1" 2>/dev/null
}

# The device and the inode of $1, and when it was last written, in seconds since 1970.
file_and_time() {
    stat -L -c '%d:%i %Y' -- "$1" 2>/dev/null || stat -L -f '%d:%i %m' "$1" 2>/dev/null
}

# The files that programs of this host have open for writing alone (as web servers have a log, and no socket is), as far
# as that can be seen, and whose names begin as that of one of the logs does: a file that was moved away or removed may
# be what a log was. One walk for all logs, since a host may have many files open.
opened() {
    names=$(for log in "$@"; do
        printf '%s\n' "$log"
        readlink -f -- "$log"
    done 2>/dev/null)
    find /proc/[0-9]*/fd -perm 300 -exec ls -l {} + 2>/dev/null |
        NAMES=$names awk '
        BEGIN {
            names = split(ENVIRON["NAMES"], name, "\n")
            for (n = 1; n <= names; n++) {
                sub(/.*\//, "", name[n])
                if (match(name[n], /.\.[^.]*$/)) name[n] = substr(name[n], 1, RSTART)
            }
        }
        match($0, /\/proc\/[0-9]+\/fd\/[0-9]+ -> \//) {
            fd = substr($0, RSTART, RLENGTH - 5)
            to = substr($0, RSTART + RLENGTH)
            sub(/.*\//, "", to)
            for (n = 1; n <= names; n++)
                if (index(to, name[n]) == 1) { print fd; next }
        }' |
        xargs stat -L -c "open $boot:%d:%i" -- 2>/dev/null | sort -u
}

# Where rotations move $1 to, one `INODE SIZE` a line: a web server that was not told goes on writing there. With another
# name it is compressed, or the log of another server, as `access.log.8080` is.
rotated_of() {
    for file in "$1".[0-9] "$1"[-.]20[0-9][0-9][-01]*; do
        case ${file#"$1"} in
        ?*[!-0-9]*) ;;
        *) [ "$file" -ef "$1" ] || inode_and_size "$file" ;;
        esac
    done
}

# Whether a file of the list $1 is larger in the list $2.
has_grown() {
    printf '%s\n%s\n' "$1" "$2" |
        awk 'NF == 2 { if ($1 in size && $2 > size[$1]) grown = 1; size[$1] = $2 } END { exit !grown }'
}

uptime_or_date() {
    if read -r up rest 2>/dev/null </proc/uptime; then
        echo "$up"
    else
        date +%s
    fi
}

# The file beside $1 that has the inode $2: where a rotation moved it to.
with_inode() {
    folder=$(dirname -- "$1")
    name=$(ls -iA -- "$folder" 2>/dev/null |
        awk -v inode="$2" '$1 == inode { sub(/^ *[0-9]+ /, ""); print; exit }')
    [ -n "$name" ] && [ -f "$folder/$name" ] && echo "$folder/$name"
}

# The $3 bytes of $1 that end at the offset $2, or what there is of them.
part_before() {
    if [ "$2" -gt "$3" ]; then
        tail -c "+$(($2 - $3 + 1))" -- "$1" | head -c "$3"
    else
        head -c "$2" -- "$1"
    fi
}

# Reads old lines, a line with a mark, new lines. $1: the log's number; $2: whether something came before them; $3: its
# state; $4: how many bytes it grew by at once; $5: USED; $6: FILE; $7: when it was last written; $8: since when it
# is empty.
count() {
    awk -v number="$1" -v cut="$2" -v seconds="$seconds" -v now="$(date +%s)" -v state="$3" -v burst="$4" \
        -v used="$5" -v file="$6" -v written="$7" -v made="$8" "$lines_awk"
}

number=0
refused=
for log in "$@"; do
    number=$((number + 1))
    kind=$(other_kind "$log") && refused="$refused${number} $kind
"
done
if [ -n "$refused" ]; then
    echo "time 0 0"
    printf '%s' "$refused" | while read -r number kind; do
        echo "log $number $kind"
    done
    echo end
    exit 0
fi

number=0
for log in "$@"; do
    number=$((number + 1))
    seen=$(inode_and_size "$log")
    eval "before_$number=\$seen"
    seen=$(inode_and_size "$log.1")
    eval "older_$number=\$seen"
    seen=$(rotated_of "$log")
    eval "rotated_$number=\$seen"
done

# How much each log grows by at once: a buffer is written whole, so it holds no more than the least of it.
start=$(uptime_or_date)
pause=0.2
sleep "$pause" 2>/dev/null || pause=1
until=$((${start%.*} + seconds))
at=$start
while [ "${at%.*}" -lt "$until" ] || { [ "${at%.*}" -eq "$until" ] && [ "${at#*.}" -lt "${start#*.}" ]; }; do
    number=0
    for log in "$@"; do
        number=$((number + 1))
        seen=$(inode_and_size "$log")
        eval "was=\${sampled_$number:-} burst=\${burst_$number:-0} sampled_$number=\$seen"
        [ -n "$was" ] && [ "${was%% *}" = "${seen%% *}" ] || continue
        grown=$((${seen##* } - ${was##* }))
        if [ "$grown" -gt 0 ] && { [ "$burst" -eq 0 ] || [ "$grown" -lt "$burst" ]; }; then
            eval "burst_$number=\$grown"
        fi
    done
    sleep "$pause"
    at=$(uptime_or_date)
done
echo "time $start $(uptime_or_date)"

boot=0
[ ! -r /proc/sys/kernel/random/boot_id ] || read -r boot </proc/sys/kernel/random/boot_id
opened "$@"

number=0
for log in "$@"; do
    number=$((number + 1))
    eval "before=\$before_$number older=\$older_$number rotated=\$rotated_$number"
    now=$(inode_and_size "$log")
    inode=${before%% *}
    size=${before##* }
    # The rest of a file that was moved or copied away, from its offset; then the log itself, from its own.
    rest='' from=0 state=kept
    if [ -z "$now" ]; then
        echo "log $number missing"
        continue
    elif [ -z "$before" ]; then
        # It appeared meanwhile: all of it is new.
        state=new size=0
    elif [ "$inode" != "${now%% *}" ]; then
        state=rotated
        rest=$(with_inode "$log" "$inode") || state=lost
    else
        copy=$(inode_and_size "$log.1")
        if [ "${copy%% *}" != "${older%% *}" ] && [ "${copy##* }" -ge "$size" ]; then
            state=rotated
            rest=$log.1
        elif [ "${now##* }" -lt "$size" ]; then
            state=lost size=0
        else
            from=$size
        fi
    fi
    # A web server writes into a file that was moved away, and not into the new one, as another one may.
    if has_grown "$rotated" "$(rotated_of "$log")"; then
        state=moved
    fi
    # Four times what came meanwhile, and at least 256 KiB, shows what was before.
    least=$((4 * (${now##* } - from)))
    [ "$least" -ge 262144 ] || least=262144
    [ "$least" -le 67108864 ] || least=67108864
    earlier=${rest:-$log}
    previous=$(inode_and_size "$log.1")
    eval "burst=\${burst_$number:-0}"
    seen=$(file_and_time "$log")
    used=0 written=0 made=0
    if [ "${now##* }" -gt 0 ]; then
        used=1 written=${seen##* }
    else
        made=${seen##* }
        # What is read was written into the file that was moved away.
        seen_rest=$(file_and_time "${rest:-$log.1}") && written=${seen_rest##* }
    fi
    cut=0
    [ "$size" -le "$least" ] || cut=1
    if [ "$size" -ge "$least" ] || [ "$earlier" = "$log.1" ]; then
        previous=
    elif [ -n "$previous" ] && [ "${previous##* }" -gt "$least" ]; then
        cut=1
    fi
    {
        [ -z "$previous" ] || tail -c "$least" -- "$log.1"
        [ "$state" = lost ] || part_before "$earlier" "$size" "$least"
        printf '\n\001\n'
        [ -n "$rest" ] && tail -c "+$((size + 1))" -- "$rest"
        tail -c "+$((from + 1))" -- "$log"
    } 2>/dev/null | count "$number" "$cut" "$state" "$burst" "$used" "$boot:${seen%% *}" "$written" "$made"
done
echo end
