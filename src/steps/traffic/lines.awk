# Counts the lines of one log for count.sh: old lines, a line with a mark, new lines. Without an apostrophe, since it is
# put between two.
BEGIN {
    agents = split(ENVIRON["AGENTS"], agent, "\n")
    split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", name, " ")
    for (i = 1; i <= 12; i++) month[name[i]] = i
    first = newest = -1
    off = clock_ahead = 0
    SOON = 5
    RECENT = 20
    PLACES = 4
    SYSLOG = "^(<[0-9]+>)?[A-Z][a-z][a-z] [ 0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9] [^ ]+ [^ ]+: "
    RSYSLOG = "^(<[0-9]+>)?[0-9][0-9][0-9][0-9]-[-0-9T:.]+(Z|[-+][0-9:]+) [^ ]+ [^ ]+: "
    RFC5424 = "^<[0-9]+>1 [^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+ - "
    CLF = "[0-9][0-9]/[A-Z][a-z][a-z]/[0-9][0-9][0-9][0-9]:[0-9][0-9]:[0-9][0-9]:[0-9][0-9]"
    ISO = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][T ][0-9][0-9]:[0-9][0-9]:[0-9][0-9]"
    DATE = CLF "|" ISO
    # RFC 9110, 15, the registry of IANA, and what nginx and proxies add.
    ASSIGNED = "^(10[0-3]|20[0-8]|226|30[0-8]|4(0[0-9]|1[0-8]|2[1-689]|31|44|51|9[4-9])|5(0[0-8]|1[01]|2[0-9]|30|61|98|99))$"
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
# A line in the combined form or near to it: an address, a time, and quoted parts. Before the request stands what a
# client calls itself too, and that may look like anything; it has no unescaped quote.
function read_line(line,    request, parts, part, i, words, word, head, after, pieces, piece, end, t, near, times, first) {
    gsub(/\\./, "_", line)
    # An empty name is written as two quotes.
    if (match(line, /^[^"]* "" \[/)) line = substr(line, 1, RLENGTH - 4) "- " substr(line, RLENGTH)
    # Some write a request as it came, with the quotes in it.
    if (match(line, / HTTP\/[0-9.]+" [1-5][0-9][0-9]/) && (i = index(line, "\"")) < RSTART) {
        request = substr(line, i + 1, RSTART - i)
        gsub(/"/, "_", request)
        line = substr(line, 1, i) request substr(line, RSTART + 1)
    }
    parts = split(line, part, "\"")
    named = parts >= 7
    said = part[6]
    head = part[1]
    after = ""
    pieces = split(head, piece, "[")
    first = piece[1] ~ /^ *$/
    if (head ~ /^([0-9][0-9][0-9][0-9]-|[0-9][0-9]\/[A-Z])/ && (t = time_of(substr(head, 1, 32)))) {
        first = times = 1
        at = t
        at_bare = bare
        near = (at - sure) * (at - sure)
    }
    for (i = 2; i <= pieces; i++) {
        if (!(end = index(piece[i], "]"))) continue
        if (!(t = time_of(substr(piece[i], 1, end - 1)))) continue
        # Of several times the one counts that is nearest to the line before. Where nothing is known of that, it is
        # the one that the line begins with, or the last one.
        if (times++ && (sure ? (t - sure) * (t - sure) > near : first)) continue
        near = (t - sure) * (t - sure)
        at = t
        at_bare = bare
        after = substr(piece[i], end + 1)
    }
    if (!times) {
        for (t = head; match(t, DATE); t = substr(t, RSTART + RLENGTH)) end = substr(t, RSTART)
        at = time_of(t == head ? head : end)
        at_bare = bare
    }
    if (at && times < 2) sure = at
    # What stands behind the first dash is a name.
    words = split(piece[1], word, " ")
    for (i = 1; i <= words && i <= 6 && !family && (i == 1 || word[i] != "-"); i++) family = family_of(word[i])
    # Some write the time first, or an address in brackets.
    if (!family && first) {
        words = split(head, word, " ")
        for (i = 1; i <= words && i <= 6 && !family; i++) family = family_of(word[i])
    }
    # The status stands behind the request, or second there behind a size, or before it, or behind the time. A size, a
    # length, a port or what a client says may look like one in a line: which it is, the lines in general tell.
    words = split(part[3], word, " ")
    code[1] = word[1]
    code[4] = (words > 1) ? word[2] : ""
    words = split(head, word, " ")
    code[2] = words ? word[words] : ""
    split(after, word, " ")
    code[3] = word[1]
    for (i = PLACES; i; i--) {
        if (code[i] !~ /^[1-5][0-9][0-9]$/) { code[i] = ""; continue }
        status = code[i]
        assigned[i] += status ~ ASSIGNED
    }
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
    if (line ~ /^(@cee: ?)?\{ *"/) {
        read_json(line)
        for (i = 1; i <= PLACES; i++) code[i] = status
    } else read_line(line)
    if (!at && prefix != "") { at = time_of(prefix); at_bare = bare }
    if (at && at_bare) at = without_summer(at)
    soon = at > now + SOON
    if (at) {
        timed++
        recent += soon - was_soon[timed % RECENT]
        was_soon[timed % RECENT] = soon
        if (!(soon in oldest)) oldest[soon] = at
        if (fresh) { dated++; dated_soon += soon; came_at[at]++ }
        if (soon) ahead++
        else before = at
        if (at > latest[soon]) latest[soon] = at
        bare_now = at_bare
        # Where a clock is ahead, lines of another web server in the same log come behind its own.
        how_late(1, at)
        if (!soon) how_late(0, at)
    }
    if (status == "") { odd += fresh; next }
    known++
    for (i = 1; i <= agents; i++)
        if (agent[i] != "" && index(said, agent[i])) { skipped += fresh; next }
    if (fresh) {
        if (!named) nameless++
        if (!at) untimed++
    }
    # A time that has not come yet may be of a clock, or mean nothing: at the end it is known which, and whether the
    # request counts there or with the line before it.
    if (soon) { tally("soon " at); tally("before " (before ? before : now)) }
    else if (at) tally(at)
}
function tally(key,    i) {
    seen[key]++
    seen4[key] += family == 4
    seen6[key] += family == 6
    for (i = 1; i <= PLACES; i++) answers[key, i, class_of(code[i])]++
}
# 5 for an error, 4 for what is denied, 3 for what leads elsewhere.
function class_of(code) {
    if (!(code in class)) class[code] = code ~ /^[45]/ ? substr(code, 1, 1) : code ~ /^30[12378]$/ ? 3 : 0
    return class[code]
}
# How far lines come behind newer ones, with those that tell a time that has not come yet and without. That times go on by
# more than a minute is believed of three lines of a few.
function how_late(soon, at,    late_by) {
    if (newer[soon] && at > newer[soon] + 60) {
        if (!jumps[soon] || at < jump[soon]) jump[soon] = at
        if (++jumps[soon] < 3) return
        newer[soon] = jump[soon]
        jumps[soon] = 0
        return
    }
    if (jumps[soon]) jumps[soon] = jumps[soon] > 0.1 ? jumps[soon] - 0.1 : 0
    if (at > newer[soon]) newer[soon] = at
    late_by = newer[soon] - at
    late[soon * 1000 + (late_by < 600 ? late_by : 600)]++
    told[soon]++
}
# The newest time of the lines that came meanwhile, but for one line in twenty more than a minute after others that are
# near to each other.
function newest_of(all,    t, low, next_, few, gaps, last) {
    while (few * 20 <= all && gaps < 20) {
        next_ = low ? minute_before(low) : 0
        if (!next_) {
            gaps++
            for (t in came_at)
                if (t + 0 > next_ && (!low || t + 0 < low) && (clock_ahead || t <= now + SOON)) next_ = t + 0
            if (!next_) break
            if (!last) last = next_
            if (came_at[next_] > 1 || minute_before(next_)) youngest = next_
        }
        low = next_
        few += came_at[next_]
    }
    if (!youngest) youngest = last
    return youngest
}
function minute_before(low,    t) {
    for (t = low - 1; t >= low - 60; t--) if (t in came_at) return t
    return 0
}
END {
    # The newest line is as old as the last write: where its time says something else, the clock that it was
    # taken from is off, or it is of another zone, or lines are sent on late. One or two may be of slow requests
    # that began long ago: then nobody knows, but that a time without a zone is off by quarters of an hour, and
    # that no line is written before its request came.
    # Times that have not come yet are of a clock that is ahead, or of another zone, where most lines of now tell
    # such ones.
    clock_ahead = dated > 2 ? dated_soon * 2 > dated : recent * 2 > (timed < RECENT ? timed : RECENT)
    if (!clock_ahead) dated -= dated_soon
    newest_at = clock_ahead && latest[1] > latest[0] ? latest[1] : latest[0]
    if (dated > 2) {
        off = written - newest_of(dated)
        if (newest_at > youngest + 60) newest_at = youngest
    } else if (timed && written) {
        off = written - newest_at
        quarters = int(off / 900 + (off < 0 ? -0.5 : 0.5)) * 900
        if (bare_now && quarters * quarters <= 50400 * 50400 && (off - quarters) * (off - quarters) <= 900) off = quarters
        else if (off > 5) unsure = 1
        else if (off >= -1) off = 0
    } else if (timed && newest_at > now) off = now - newest_at
    if (off * off <= 1) off = 0
    if (!timed && made && now >= made) newest = -2 - (now - made)
    if (!unsure) now -= off
    if (timed) {
        newest = (now > newest_at) ? now - newest_at : 0
        first = now - oldest[clock_ahead in oldest ? clock_ahead : !clock_ahead]
    }
    # All but one line in twenty come no later than this.
    for (lag = 0; lag < 600; lag++) {
        so_far += late[clock_ahead * 1000 + lag]
        if (so_far * 20 >= told[clock_ahead] * 19) break
    }
    if (first < 0 || !cut) first = -1
    # Whoever writes two lines at once may have held back one.
    burst = burst > 0 && came ? int(burst * came / bytes + 0.5) - 1 : -1
    printf "log %d %s %d %d %d %d %d %d %d %d %d %d %d %d %d %s\n", number, state, skipped, odd, nameless, untimed,
        newest, lag, first, off, burst, lines ? known : -1, used, unsure, clock_ahead ? 0 : ahead, file
    place = 1
    for (i = 2; i <= PLACES; i++) if (assigned[i] > assigned[place]) place = i
    for (key in seen) {
        at = key
        if (split(key, word, " ") > 1) {
            if (word[1] != (clock_ahead ? "soon" : "before")) continue
            at = word[2]
        }
        if (now - at >= -1 && now - at <= newest + lag + 2 * seconds + 1)
            printf "at %d %d %d %d %d %d %d %d\n", number, (now > at ? now - at : 0), seen4[key], seen6[key],
                seen[key] - seen4[key] - seen6[key], answers[key, place, 5], answers[key, place, 4],
                answers[key, place, 3]
    }
}
