//! The scripts of ours that stand around a program: small, and for any POSIX `sh`.

/// Runs its arguments between marks. `$1` is the mark; `$2` says whether standard input is `fed`, and then its first
/// line proves that nothing read of it on the way, or that it is also `told` when to begin; `$3` is the name of the
/// lock of a write, empty for a look; `$4` is the program itself, which the arguments end with.
///
/// A write begins only where it is told to: it says that it is ready, and waits for a line that says how many seconds
/// it has from then on. Where that does not come it says for how many it has waited. So it surely did not run where nobody heard that it is ready, and it surely ends in time,
/// however long the line is on its way.
///
/// The lock is not handed down, so that a service which the program starts does not hold it for ever. A bare `exec`
/// that fails would end the shell at once. What the shell itself has to say of an end is that a signal ended it.
pub(super) const SCRIPT: &str = r#"mark=$1 input=$2 lock=$3 program=$4 time=
shift 4
no() { printf '%s no %s\n' "$mark" "$1" >&2; exit 75; }
if [ -n "$input" ]; then
  IFS= read -r line
  [ "$line" = "$mark input" ] || no input
fi
case $program in
*/*) [ -f "$program" ] && [ -x "$program" ] ;;
*) command -v "$program" ;;
esac >/dev/null 2>&1 || no missing
# What a look is wrapped in stands before it: where that is not there, its end would pass for the program's.
for word; do
  case $word in
  sh) ;;
  "$program") break ;;
  nice | timeout) command -v "$word" >/dev/null 2>&1 || no "tool $word" ;;
  esac
done
if [ "$input" = told ]; then
  now=$(date +%s)
  printf '%s out ready\n' "$mark" || exit 75
  # The second line wakes what has eaten the first one; then it is not there.
  unheard() { no "go $(($(date +%s) - now))"; }
  IFS= read -r line || unheard
  [ "$line" = "$mark input" ] || no input
  IFS= read -r line || unheard
  told=${line#"$mark go "}
  [ "$line" != "$told" ] || no input
fi
if [ -n "$lock" ]; then
  for tool in timeout flock; do
    command -v "$tool" >/dev/null 2>&1 || no "tool $tool"
  done
  folder=${XDG_RUNTIME_DIR:-/tmp}
  [ "$(id -u)" = 0 ] && folder=/run
  [ -d "$folder" ] && [ -w "$folder" ] || folder=/tmp
  command exec 9>>"$folder/$lock-$(id -u).lock" || no "lock $folder"
  flock -n 9 || { sleep 1; flock -n 9; } || { sleep 1; flock -n 9; }
  case $? in
  0) ;;
  1) no busy ;;
  *) no "tool flock" ;;
  esac
  begun=$(date +%s)
  [ "$begun" -ge "$now" ] && time=$((told - begun + now)) && [ "$time" -gt 0 ] || no late
  set -- timeout -k 5 "$time" "$@"
fi
printf '%s out begin\n' "$mark" && printf '%s err begin\n' "$mark" >&2 || exit 75
exec 3>&1 4>&2 2>/dev/null
run() { (exec "$@" >&3 2>&4 3>&- 4>&- 9>&-); }
said=$(
  exec 2>&1
  # `timeout` may not read a terminal, which a login may have put in between.
  if [ "$input" = told ] && [ -t 0 ]; then cat 9>&- | run "$@"; else run "$@"; fi
  echo "$?"
)
status=${said##*[!0-9]}
how=
[ "$said" = "$status" ] || how=' signal'
case $time:$status in
:*) ;;
*:124 | *:137) [ $(($(date +%s) - begun)) -lt "$time" ] || how=' late' ;;
esac
printf '%s out end %s\n' "$mark" "$status$how"
printf '%s err end %s\n' "$mark" "$status$how" >&4
exit "$status"
"#;

/// Tells whether writes could begin: what [`SCRIPT`] asks before it begins, without a trace. The arguments are the
/// programs.
pub(super) const COULD: &str = r#"
for tool in timeout flock date; do
  command -v "$tool" >/dev/null 2>&1 || { echo "tool $tool"; exit; }
done
for program; do
  case $program in
  */*) [ -f "$program" ] && [ -x "$program" ] ;;
  *) command -v "$program" ;;
  esac >/dev/null 2>&1 || { echo "missing $program"; exit; }
done
folder=${XDG_RUNTIME_DIR:-/tmp}
[ "$(id -u)" = 0 ] && folder=/run
[ -d "$folder" ] && [ -w "$folder" ] || folder=/tmp
[ -w "$folder" ] || { echo "lock $folder"; exit; }
timeout -k 5 5 true || { echo "tool timeout"; exit; }
command exec 9</dev/null || { echo "lock /dev/null"; exit; }
flock -sn 9
[ $? -le 1 ] || { echo "tool flock"; exit; }
echo yes
"#;

/// Runs its arguments with their outputs coded, each piece as it comes, so that nothing else in the session can write
/// into them, and nothing on the way can change them unseen. `$1` is the mark. A piece says whose it is, which one it
/// is, how it is coded, and how long that is.
pub(super) const CODER: &str = r#"mark=$1
shift
if [ "$(echo | base64 2>/dev/null)" = Cg== ]; then
  way=64
  coded() { base64; }
else
  way=16
  coded() { od -An -v -tx1 | tr -d ' \n'; }
fi
code() {
  n=0
  while part=$(dd bs=65536 count=1 2>/dev/null | coded) && [ -n "$part" ]; do
    echo "$mark $1 $n $way ${#part}" $part || break
    n=$((n + 1))
  done
}
exec 3>&1 4>&2
{ "$@" 2>&1 >&5 3>&- 4>&- 5>&- | code err >&4 3>&- 5>&-; } 5>&1 | code out 3>&- 4>&-
"#;
