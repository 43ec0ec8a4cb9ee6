#!/usr/bin/env bash
# What action.yml runs: lints playbooks, simulates them, annotates lines, writes the summary of the job.
#
# It is given INPUT_PLAYBOOKS, INPUT_SIMULATE, INPUT_FAULTS, INPUT_CUTOVER and INPUT_WORKING_DIRECTORY, and
# by the runner GITHUB_ACTION_PATH, GITHUB_STEP_SUMMARY, GITHUB_OUTPUT and RUNNER_TEMP. It ends with the exit
# code of the first verb that fails, so 3 where a playbook is not valid; 2 where an input makes no sense.
set -euo pipefail

# GitHub takes a summary of 1 MiB at most, and drops a larger one as a whole.
most_of_summary=200000

# A message of ours. What comes from elsewhere must not end the line, nor begin an escape.
annotate() {
    local text=$1
    text=${text//%/%25}
    text=${text//$'\r'/%0D}
    text=${text//$'\n'/%0A}
    printf '::error title=cutover::%s\n' "$text"
}

refuse() {
    annotate "$1"
    exit 2
}

# Prints a file to the log. Whatever stands in it, the runner takes no line of it for a command.
print_as_text() {
    local token
    token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    printf '::stop-commands::%s\n' "$token"
    cat "$1"
    printf '\n::%s::\n' "$token"
}

summarize() {
    printf '%s\n' "$@" >>"$summary"
}

# A folded part of the summary, with a file as it is.
summarize_file() {
    local title=$1 file=$2
    [ -s "$file" ] || return 0
    summarize "<details><summary>$title</summary>" "" "<pre>"
    head -c "$most_of_summary" "$file" | sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/>/\&gt;/g' >>"$summary"
    if [ "$(wc -c <"$file")" -gt "$most_of_summary" ]; then
        summarize "" "(cut off; the log holds all of it)"
    fi
    summarize "</pre>" "" "</details>" ""
}

# The playbooks that the input names, into the array `playbooks`. A folder stays one: the program knows which of
# its files are playbooks.
find_playbooks() {
    local line found
    playbooks=()
    while IFS= read -r line; do
        line="${line#"${line%%[![:space:]]*}"}"
        line="${line%"${line##*[![:space:]]}"}"
        [ -n "$line" ] || continue
        # Whatever its name is, it is no option.
        case $line in
        -*) line=./$line ;;
        esac
        if [ -e "$line" ]; then
            found=("$line")
        else
            mapfile -t found < <(compgen -G "$line" | sort)
        fi
        [ "${#found[@]}" -gt 0 ] || refuse "no playbook is at \`$line\`: see the input \`playbooks\`"
        playbooks+=("${found[@]}")
    done <<<"${INPUT_PLAYBOOKS:-playbooks}"
    [ "${#playbooks[@]}" -gt 0 ] || refuse "the input \`playbooks\` names nothing"
}

# The program, into `cutover`.
find_cutover() {
    if [ -n "${INPUT_CUTOVER:-}" ]; then
        cutover=$(command -v -- "$INPUT_CUTOVER") ||
            refuse "there is no program \`$INPUT_CUTOVER\`: see the input \`cutover\`"
        # From another folder, too.
        case $cutover in
        /*) ;;
        *) cutover=$PWD/$cutover ;;
        esac
        return
    fi
    command -v cargo >/dev/null ||
        refuse "there is no cargo to build cutover with: install Rust before this step, or give the input \`cutover\`"
    local target=$temp/target
    echo "::group::cargo build"
    cargo build --release --locked --manifest-path "$GITHUB_ACTION_PATH/Cargo.toml" --target-dir "$target" ||
        refuse "cutover could not be built; the log says why"
    echo "::endgroup::"
    cutover=$target/release/cutover
}

# Runs a verb with options: what it says to people to the log and to a file for the summary, and annotations to
# the log.
verb() {
    local verb=$1 code=0 result=fine
    shift
    "$cutover" "$verb" --color never --annotations "$temp/annotations" "$@" -- "${playbooks[@]}" \
        >"$temp/$verb.text" 2>&1 || code=$?
    if [ "$code" -ne 0 ]; then
        result="**fails** (exit $code)"
    fi
    print_as_text "$temp/$verb.text"
    if [ -s "$temp/annotations" ]; then
        cat "$temp/annotations"
        rm "$temp/annotations"
    fi
    rows+=("| \`cutover $verb\` | $result |")
    return "$code"
}

cd -- "${INPUT_WORKING_DIRECTORY:-.}" || refuse "there is no folder \`$INPUT_WORKING_DIRECTORY\`"
simulate=${INPUT_SIMULATE:-true}
case $simulate in
true | false) ;;
*) refuse "the input \`simulate\` is \`$simulate\`, and neither \`true\` nor \`false\`" ;;
esac
faults=()
case ${INPUT_FAULTS:-} in
"") ;;
*[!0-9]*) refuse "the input \`faults\` is \`$INPUT_FAULTS\`, and no number" ;;
*) faults=(--faults "$INPUT_FAULTS") ;;
esac

temp=$(mktemp -d "${RUNNER_TEMP:-/tmp}/cutover.XXXXXX")
summary=${GITHUB_STEP_SUMMARY:-$temp/summary}
find_playbooks
find_cutover

rows=()
exit=0
verb lint || exit=$?
if [ "$simulate" = true ] && [ "$exit" -ne 0 ]; then
    rows+=("| \`cutover simulate\` | not begun: what lint found comes first |")
elif [ "$simulate" = true ]; then
    html=$temp/simulate.html
    verb simulate "${faults[@]}" --html "$html" || exit=$?
    if [ -s "$html" ] && [ -n "${GITHUB_OUTPUT:-}" ]; then
        printf 'html=%s\n' "$html" >>"$GITHUB_OUTPUT"
    fi
fi

summarize "## cutover" "" "| | |" "|---|---|" "${rows[@]}" ""
for said in lint simulate; do
    [ ! -e "$temp/$said.text" ] || summarize_file "What <code>cutover $said</code> says" "$temp/$said.text"
done
exit "$exit"
