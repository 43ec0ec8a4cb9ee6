# Counts the requests that web servers write into their logs within a while.
#
# Arguments: how many seconds; user agents to leave out, one a line; the logs. Prints `time START END`, then
# for each log `log NUMBER STATE REQUESTS ERRORS IPV4 IPV6 SKIPPED ODD NAMELESS`, then `end`. Only what is
# written between two looks at inode and size is read, so a log of any size costs the same.
LC_ALL=C
export LC_ALL
seconds=$1
AGENTS=$2
export AGENTS
shift 2

inode_and_size() {
    [ -r "$1" ] || return 1
    stat -L -c '%i %s' -- "$1" 2>/dev/null || stat -L -f '%i %z' "$1" 2>/dev/null
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
    [ -n "$name" ] && echo "$folder/$name"
}

count() {
    awk '
    BEGIN { agents = split(ENVIRON["AGENTS"], agent, "\n") }
    {
        if (substr($0, 1, 1) == "{") {
            named = 1
            said = $0
            status = ""
            if (match($0, /"status"[ ]*:[ ]*"?[1-5][0-9][0-9]/))
                status = substr($0, RSTART + RLENGTH - 3, 3)
            address = ""
            if (match($0, /"(remote_addr|remote_ip|client_ip|clientip|client)"[ ]*:[ ]*"[^"]*"/)) {
                address = substr($0, RSTART, RLENGTH - 1)
                sub(/^.*"/, "", address)
            }
        } else {
            line = $0
            gsub(/\\./, "_", line)
            parts = split(line, part, "\"")
            status = part[3]
            sub(/^ +/, "", status)
            status = substr(status, 1, 3)
            named = parts >= 7
            said = ""
            for (i = 6; i <= parts; i += 2) said = said part[i] "\n"
            split(part[1], word, " ")
            address = word[1]
            if (address !~ /^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/ && address !~ /^[0-9a-fA-F.]*:[0-9a-fA-F.]*:/)
                address = word[2]
        }
        if (status !~ /^[1-5][0-9][0-9]$/) { odd++; next }
        for (i = 1; i <= agents; i++)
            if (agent[i] != "" && index(said, agent[i])) { skipped++; next }
        if (!named) nameless++
        requests++
        if (substr(status, 1, 1) == "5") errors++
        if (address ~ /:.*:/ && address !~ /^::[fF][fF][fF][fF]:[0-9]+\./) v6++
        else v4++
    }
    END { printf "%d %d %d %d %d %d %d\n", requests, errors, v4, v6, skipped, odd, nameless }
    '
}

number=0
for log in "$@"; do
    number=$((number + 1))
    seen=$(inode_and_size "$log")
    eval "before_$number=\$seen"
    seen=$(inode_and_size "$log.1")
    eval "older_$number=\$seen"
done

start=$(uptime_or_date)
sleep "$seconds"
echo "time $start $(uptime_or_date)"

number=0
for log in "$@"; do
    number=$((number + 1))
    eval "before=\$before_$number older=\$older_$number"
    now=$(inode_and_size "$log")
    inode=${before%% *}
    size=${before##* }
    # The rest of a file that was moved or copied away, from its offset; then the log itself, from its own.
    rest='' from=0 state=kept
    if [ -z "$before" ] && [ -z "$now" ]; then
        echo "log $number missing 0 0 0 0 0 0 0"
        continue
    elif [ -z "$before" ]; then
        # It appeared meanwhile: all of it is new.
        state=new
    elif [ "$inode" != "${now%% *}" ]; then
        state=rotated
        rest=$(with_inode "$log" "$inode") || state=lost
    else
        copy=$(inode_and_size "$log.1")
        if [ "${copy%% *}" != "${older%% *}" ] && [ "${copy##* }" -ge "$size" ]; then
            state=rotated
            rest=$log.1
        elif [ "${now##* }" -lt "$size" ]; then
            state=lost
        else
            from=$size
        fi
    fi
    numbers=$({
        [ -n "$rest" ] && tail -c "+$((size + 1))" -- "$rest"
        [ -n "$now" ] && tail -c "+$((from + 1))" -- "$log"
    } 2>/dev/null | count)
    echo "log $number $state $numbers"
done
echo end
