# Counts the requests that web servers write into their logs, by the times in their lines.
#
# Arguments: how many seconds; user agents to leave out, one a line; the logs. Prints `time START END`, then
# for each log
#
#   log NUMBER STATE REQUESTS ERRORS IPV4 IPV6 SKIPPED ODD NAMELESS OTHER UNTIMED NEWEST LAG FIRST OFF BURST KNOWN USED UNSURE FILE
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
# where something was written into the file or somebody has it open for writing. FILE tells files from each other.
# Only the end of a log is read, so a log of any size costs the same. Nothing but a regular file is opened: to read a
# pipe is to take from its reader.
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

# Whether a program of this host that can be seen has $1 open for writing: the last digit of its flags tells.
is_written() {
    for fd in /proc/[0-9]*/fd/*; do
        [ "$fd" -ef "$1" ] || continue
        of=${fd%/fd/*}
        grep -q '^flags:.*[12]$' "$of/fdinfo/${fd##*/}" && return 0
    done 2>/dev/null
    return 1
}

# Where rotations move $1 to, one `INODE SIZE` a line: a web server that was not told goes on writing there.
rotated_of() {
    for file in "$1".[0-9]* "$1"-[0-9]*; do
        case $file in
        *.gz | *.bz2 | *.xz | *.zst) ;;
        *) inode_and_size "$file" ;;
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
        -v used="$5" -v file="$6" -v written="$7" -v made="$8" '
    BEGIN {
        agents = split(ENVIRON["AGENTS"], agent, "\n")
        split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", name, " ")
        for (i = 1; i <= 12; i++) month[name[i]] = i
        first = newest = -1
        off = 0
        SYSLOG = "^(<[0-9]+>)?[A-Z][a-z][a-z] [ 0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9] [^ ]+ [^ ]+: "
        RSYSLOG = "^(<[0-9]+>)?[0-9][0-9][0-9][0-9]-[-0-9T:.]+(Z|[-+][0-9:]+) [^ ]+ [^ ]+: "
        RFC5424 = "^<[0-9]+>1 [^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+ - "
        CLF = "[0-9][0-9]/[A-Z][a-z][a-z]/[0-9][0-9][0-9][0-9]:[0-9][0-9]:[0-9][0-9]:[0-9][0-9]"
        ISO = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][T ][0-9][0-9]:[0-9][0-9]:[0-9][0-9]"
    }
    # Seconds since 1970, from a date, a time of day and what follows: a zone. Without one it is what it would be in
    # UTC, and `bare` tells so; by how much the lines are off is seen where they are written.
    function since_1970(y, m, d, clock, zone,    t, offset) {
        sub(/^[.,][0-9]+/, "", zone)
        sub(/^ /, "", zone)
        if (zone ~ /^(Z|UTC|GMT)/) offset = 0
        else if (zone ~ /^[-+][0-9][0-9]:?[0-9][0-9]/) {
            offset = substr(zone, 2, 2) * 3600
            offset += substr(zone, substr(zone, 4, 1) == ":" ? 5 : 4, 2) * 60
            if (substr(zone, 1, 1) == "-") offset = -offset
        } else { offset = 0; bare = 1 }
        y += 0; m += 0
        if (m <= 2) { y--; m += 12 }
        t = 365 * y + int(y / 4) - int(y / 100) + int(y / 400) + int((153 * (m - 3) + 2) / 5) + d - 719469
        return t * 86400 + substr(clock, 1, 2) * 3600 + substr(clock, 4, 2) * 60 + substr(clock, 7, 2) - offset
    }
    # The time that a text tells; 0 where it tells none.
    function time_of(text,    t, s) {
        if (text == last_text) { bare = last_bare; return last_time }
        t = bare = 0
        if (text ~ /^[0-9]+(\.[0-9]+)?$/) {
            t = text + 0
            while (t > 100000000000) t /= 1000
            t = t < 1000000000 ? 0 : int(t)
        } else if (match(text, CLF)) {
            s = substr(text, RSTART, RLENGTH)
            t = since_1970(substr(s, 8, 4), month[substr(s, 4, 3)], substr(s, 1, 2), substr(s, 13), substr(text, RSTART + RLENGTH))
        } else if (match(text, ISO)) {
            s = substr(text, RSTART, RLENGTH)
            t = since_1970(substr(s, 1, 4), substr(s, 6, 2), substr(s, 9, 2), substr(s, 12), substr(text, RSTART + RLENGTH))
        }
        last_text = text
        last_time = t
        last_bare = bare
        return t
    }
    # A time without a zone, where the clock of the zone was put back an hour meanwhile: as if it had not been.
    function without_summer(t,    step) {
        step = bare_before ? t - bare_before : 0
        bare_before = t
        if (!put_back && step <= -3300 && step >= -3660) put_back = 3600
        else if (put_back && step >= 3300 && step <= 3660) put_back = 0
        return t + put_back
    }
    # 4 or 6 where a text is an address, with a port or without; else 0.
    function family_of(text,    colons) {
        sub(/,.*$/, "", text)
        if (text ~ /^\[.*\](:[0-9]+)?$/) { sub(/^\[/, "", text); sub(/\].*$/, "", text) }
        sub(/%.*$/, "", text)
        if (text ~ /^(::[fF][fF][fF][fF]:)?[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+(:[0-9]+)?$/) return 4
        if (text !~ /^[0-9a-fA-F:.]+$/) return 0
        colons = gsub(/:/, ":", text)
        return colons == 7 || colons >= 2 && index(text, "::") ? 6 : 0
    }
    # One value of a JSON line. What is nearest to the outside counts: what an upstream said is not the answer.
    function value(path, depth, v,    flat, rank, f, t) {
        path = tolower(path)
        flat = path
        gsub(/[-_. ]/, "", flat)
        if (flat ~ /(useragent|agent|agentoriginal)$/ || path ~ /(^|\.)ua$/) { named = 1; said = said v "\n"; return }
        if (flat ~ /(time|timestamp|ts|date|msec|timelocal|iso8601|utc)$/ && (t = time_of(v)) && (!at || depth < at_rank)) {
            at = t
            at_bare = bare
            at_rank = depth
            return
        }
        if (path ~ /upstream|backend|origin|server|local|destination/) return
        if (v ~ /^[1-5][0-9][0-9]$/ && flat ~ /(status|statuscode|responsecode)$/) {
            rank = depth * 2 + (flat !~ /^(.*response)?(status|statuscode)$/)
            if (status == "" || rank < status_rank) { status = v; status_rank = rank }
        }
        rank = depth * 2
        if (path ~ /(^|\.)(host|ip|addr|address)$/ && flat !~ /(remote|client|source|src)/) rank += 200
        else if (flat !~ /(remote|client|source|src|realip|forwardedfor)(addr|address|ip|host)?$/) return
        if ((f = family_of(v)) && (!family || rank < family_rank)) { family = f; family_rank = rank }
    }
    function read_json(line,    parts, part, i, j, c, key, depth, text, path, v, inside) {
        gsub(/\\\\/, "_", line)
        gsub(/\\\//, "/", line)
        gsub(/\\./, "_", line)
        parts = split(line, part, "\"")
        for (i = 1; i <= parts; i += 2) {
            text = part[i]
            if (i > 1) {
                v = part[i - 1]
                if (text ~ /^ *:/) {
                    key = v
                    sub(/^ *: */, "", text)
                    path = key
                    for (j = depth; j > 1; j--) path = inside[j] "." path
                    if (match(text, /^-?[0-9][-+0-9.eE]*/)) value(path, depth, substr(text, 1, RLENGTH))
                } else {
                    path = key
                    for (j = depth; j > 1; j--) path = inside[j] "." path
                    value(path, depth, v)
                }
            }
            while (match(text, /[{}]/)) {
                c = substr(text, RSTART, 1)
                text = substr(text, RSTART + 1)
                if (c == "{") inside[++depth] = key
                else if (depth > 0) key = inside[depth--]
            }
        }
    }
    # A line in the combined form or near to it: an address, a time, and quoted parts.
    function read_line(line,    parts, part, i, words, word, head, tail_, open) {
        gsub(/\\./, "_", line)
        parts = split(line, part, "\"")
        named = parts >= 7
        said = part[6]
        head = part[1]
        tail_ = ""
        open = index(head, "[")
        if (open) {
            tail_ = substr(head, open + 1)
            head = substr(head, 1, open - 1)
            i = index(tail_, "]")
            at = time_of(substr(tail_, 1, i ? i - 1 : length(tail_)))
            tail_ = i ? substr(tail_, i + 1) : ""
        } else at = time_of(head)
        at_bare = bare
        words = split(head, word, " ")
        for (i = 1; i <= words && i <= 6 && !family; i++) family = family_of(word[i])
        # Some write the status before the request.
        split(tail_, word, " ")
        if (word[1] ~ /^[1-5][0-9][0-9]$/) { status = word[1]; return }
        split(part[3], word, " ")
        if (word[1] ~ /^[1-5][0-9][0-9]$/) status = word[1]
    }
    NR == 1 && cut { next }
    $0 == "\001" { fresh = 1; next }
    $0 == "" { next }
    {
        lines++
        if (fresh) { came++; bytes += length($0) + 1 }
        line = $0
        status = said = prefix = ""
        named = family = at = at_bare = 0
        if (match(line, SYSLOG) || match(line, RSYSLOG) || match(line, RFC5424)) {
            prefix = substr(line, 1, RLENGTH)
            line = substr(line, RLENGTH + 1)
        }
        if (line ~ /^(@cee: ?)?\{/) read_json(line)
        else read_line(line)
        if (!at && prefix != "") { at = time_of(prefix); at_bare = bare }
        if (at && at_bare) at = without_summer(at)
        if (at) {
            if (!timed) oldest = at
            if (fresh) {
                dated++
                if (at > youngest) youngest = at
            }
            if (at > latest) { latest = at; latest_bare = at_bare }
            late[latest - at < 600 ? latest - at : 600]++
            timed++
        }
        if (status == "") { odd += fresh; next }
        known++
        for (i = 1; i <= agents; i++)
            if (agent[i] != "" && index(said, agent[i])) { skipped += fresh; next }
        if (fresh) {
            if (!named) nameless++
            if (!at) untimed++
            requests++
            if (substr(status, 1, 1) == "5") errors++
            if (family == 4) v4++
            else if (family == 6) v6++
            else other++
        }
        if (at) {
            seen[at]++
            seen4[at] += family == 4
            seen6[at] += family == 6
            bad[at] += substr(status, 1, 1) == "5"
            denied[at] += substr(status, 1, 1) == "4"
            led[at] += status ~ /^30[12378]$/
        }
    }
    END {
        # The newest line is as old as the last write: where its time says something else, the clock that it was
        # taken from is off, or it is of another zone, or lines are sent on late. One or two may be of slow requests
        # that began long ago: then nobody knows, but that a time without a zone is off by quarters of an hour, and
        # that no line is written before its request came.
        if (dated > 2) off = written - youngest
        else if (timed && written) {
            off = written - latest
            quarters = int(off / 900 + (off < 0 ? -0.5 : 0.5)) * 900
            if (latest_bare && quarters * quarters <= 50400 * 50400 && (off - quarters) * (off - quarters) <= 900) off = quarters
            else if (off > 5) unsure = 1
            else if (off >= -1) off = 0
        } else if (timed && latest > now) off = now - latest
        if (off * off <= 1) off = 0
        if (!timed && made && now >= made) newest = -2 - (now - made)
        if (!unsure) now -= off
        if (timed) {
            newest = (now > latest) ? now - latest : 0
            first = now - oldest
        }
        # All but one line in twenty come no later than this.
        for (lag = 0; lag < 600; lag++) {
            so_far += late[lag]
            if (so_far * 20 >= timed * 19) break
        }
        if (first < 0 || !cut) first = -1
        # Whoever writes two lines at once may have held back one.
        burst = burst > 0 && came ? int(burst * came / bytes + 0.5) - 1 : -1
        printf "log %d %s %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %s\n", number, state, requests, errors,
            v4, v6, skipped, odd, nameless, other, untimed, newest, lag, first, off, burst, lines ? known : -1, used,
            unsure, file
        for (at in seen)
            if (now - at >= -1 && now - at <= newest + lag + 2 * seconds + 1)
                printf "at %d %d %d %d %d %d %d %d\n", number, (now > at ? now - at : 0), seen4[at], seen6[at],
                    seen[at] - seen4[at] - seen6[at], bad[at], denied[at], led[at]
    }
    '
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
    # The web server writes into a file that was moved away, and not into the new one.
    if [ "$from" -eq "${now##* }" ] && has_grown "$rotated" "$(rotated_of "$log")"; then
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
        is_written "$log" && used=1
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
