#!/usr/bin/env bash
# Checks an export of jwtsunset's audit log with nothing but bash, openssl (3.0 or newer), jq, sha256sum, cat and tail.
#
#   bash verify.sh [FOLDER]
#
# FOLDER is the export; without it, it is the folder of this script. Whoever can change an export can change the script
# in it, so take the script, and csv.jq with it, from the program's source where it matters.
#
# Exit status: 0 sound, 3 tampered with (the first bad entry is named), 4 could not be checked.
set -uo pipefail
export LC_ALL=C # count bytes, not characters

tampered() {
  printf 'tampered: %s\n' "$*"
  exit 3
}
could_not() {
  printf 'could not check: %s\n' "$*" >&2
  exit 4
}

case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
filter=$here/csv.jq
for tool in openssl jq sha256sum cat tail; do
  type "$tool" >/dev/null 2>&1 || could_not "$tool is not installed"
done
[[ $(openssl pkeyutl -help 2>&1) == *-rawin* ]] || could_not "openssl is too old: 3.0 or newer is needed"
CDPATH='' cd -- "${1:-$here}" || could_not "there is no folder ${1:-$here}"
[[ $filter == /* ]] || filter=$OLDPWD/$filter
for file in entries.jsonl checkpoint checkpoint.txt checkpoint.sig milestones.jsonl public-key.pem public-key.txt \
  export.json; do
  [[ -f $file && -r $file ]] || could_not "$file is missing or cannot be read"
done

sha256() { # of standard input, in hexadecimal digits
  local sum
  sum=$(sha256sum) && printf %s "${sum%% *}"
}
same_as() { # FILE: whether standard input has the same bytes
  local input file
  input=$(sha256sum) && file=$(sha256sum <"$1") || could_not "sha256sum failed"
  [[ $input == "$file" ]]
}
bytes() { # the bytes that hexadecimal digits stand for
  local digits=$1 escaped=
  while [[ -n $digits ]]; do
    escaped+="\\x${digits:0:2}"
    digits=${digits:2}
  done
  printf '%b' "$escaped"
}
raw_key() { # the 32 bytes of a public key such as the one in public-key.txt
  local key=${1#*+}
  printf %s "${key#*+}" | openssl base64 -d -A | tail -c 32
}
pem_key() { # the same as openssl reads it: RFC 8410
  { bytes 302a300506032b6570032100 && raw_key "$1"; } | openssl pkey -pubin -inform DER -outform PEM
}
signature_line() { # KEY SIGNATURE-FILE: the line of a signed note
  local name=${1%%+*} number=${1#*+}
  printf '\xe2\x80\x94 %s ' "$name"
  { bytes "${number%%+*}" && cat "$2"; } | openssl base64 -A
  printf '\n'
}

# A key of RFC 8032, 7.1: an openssl that cannot read it could not check a signature either.
bytes 302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a |
  openssl pkey -pubin -inform DER -noout 2>/dev/null || could_not "openssl does not know Ed25519"

# What the export says of itself.
about=$(jq -er 'select(.v == 1) | [.log, .first, .last, .first_key, .csv] | map(tostring) | join(" ")' export.json 2>/dev/null) ||
  tampered "export.json is not what the program writes"
read -r log first last first_key csv <<<"$about"
[[ $first =~ ^[1-9][0-9]{0,15}$ && $last =~ ^[1-9][0-9]{0,15}$ ]] ||
  tampered "export.json does not say which entries there are"

# Every entry has the hash that it says, and follows the one before. Bash leaves NUL bytes out when it reads, so they
# are looked for first.
count_lines() {
  local -i count=0
  while IFS= read -r; do count+=1; done
  printf %s "$count"
}
if IFS= read -r -d '' before <entries.jsonl; then
  tampered "entry $((first + $(printf %s "$before" | count_lines))): it has a NUL byte"
fi
entry='^\{"v":1,"seq":([1-9][0-9]*),"prev":"([0-9a-f]{64})","time":"[0-9TZ.:-]{27}","run":".*,"hash":"([0-9a-f]{64})"\}$'
zeros=0000000000000000000000000000000000000000000000000000000000000000
hashes=()
previous=
n=$first
while IFS= read -r line || { [[ -n $line ]] && tampered "entry $n: the file is cut off in it"; }; do
  [[ $line =~ $entry ]] || tampered "entry $n: it is not in the form of an entry"
  seq=${BASH_REMATCH[1]} prev=${BASH_REMATCH[2]} hash=${BASH_REMATCH[3]}
  # The hash is of a fixed text, a newline, and the entry without its hash member.
  computed=$(printf '%s\n%s}' jwtsunset-audit-v1 "${line:0:${#line}-75}" | sha256sum) || could_not "sha256sum failed"
  [[ ${computed%% *} == "$hash" ]] || tampered "entry $n: its hash does not match its content"
  [[ $seq == "$n" ]] || tampered "entry $n: it is missing or out of place: entry $seq stands there"
  [[ $n != 1 ]] || previous=$zeros
  [[ -z $previous || $prev == "$previous" ]] ||
    tampered "entry $n: it does not follow entry $((n - 1)), so one of the two was changed"
  previous=$hash hashes[n]=$hash
  n=$((n + 1))
done <entries.jsonl
n=$((n - 1))
((n >= last)) || tampered "entry $((n + 1)): it is missing: the export should have the entries $first to $last"
((n == last)) || tampered "entry $((last + 1)): the export should end before it"

# The key in force at the end: export.json names the first, which for a whole log is that of entry 1, and each change the
# next. The key before signs a change too, unless it was lost.
keys=$(jq -r 'select(.action == "log-started" or .action == "key-rotated" or .action == "key-replaced") |
  [.seq, .action, .facts.key // .facts.old_key, .facts.new_key // ""] | map(tostring) | join(" ")' entries.jsonl 2>/dev/null) ||
  tampered "an entry is not JSON"
[[ $first != 1 || $keys == '1 log-started '* ]] || tampered "entry 1: it does not begin a log: it names no key"
key=$first_key
old=
changes=' '
replacements=
while read -r seq action one two; do
  [[ -n $seq ]] || break
  if [[ $action == log-started ]]; then
    [[ $seq == 1 ]] || tampered "entry $seq: it begins another log"
    [[ $one == "$key" ]] || tampered "export.json names another first key than entry 1"
    continue
  fi
  [[ $one == "$key" ]] || tampered "entry $seq: it changes another key than the one in force"
  [[ $seq != "$last" || $action != key-rotated ]] || old=$one
  [[ $action != key-replaced ]] || replacements+=" $seq"
  key=$two
  changes+="$seq "
done <<<"$keys"
[[ ${key%%+*} == "$log" ]] || tampered "export.json names another log than the entries"
check=${key#*+}
typed=$({ printf '%s\n\x01' "$log" && raw_key "$key"; } | sha256) || could_not "sha256sum failed"
[[ ${typed:0:8} == "${check%%+*}" ]] || tampered "the key that the entries name last has wrong check digits"

# The public key given with the export is that key, in both forms.
same_as public-key.txt < <(printf '%s\n' "$key") || tampered "public-key.txt is not the key that the entries name last"
same_as public-key.pem < <(pem_key "$key") || tampered "public-key.pem is not the key of public-key.txt"

# The checkpoint says how many entries there are and which hash the last has, and is signed by that key.
text() { # the signed text at an entry
  printf '%s\n%s\n%s\n' "$log" "$1" "$(bytes "${hashes[$1]}" | openssl base64 -A)"
}
signed_by() { # PEM-FILE SIGNATURE-FILE
  openssl pkeyutl -verify -pubin -inkey "$1" -rawin -in checkpoint.txt -sigfile "$2" >/dev/null 2>&1
}
same_as checkpoint.txt < <(text "$last") || tampered "checkpoint.txt is not that of entry $last, the last one"
signed_by public-key.pem checkpoint.sig || tampered "checkpoint.sig is not the key's signature of checkpoint.txt"

# The same in the form of a signed note, where the key before has its line if it signed, too.
old_line=
if [[ -n $old ]]; then
  { read -r && read -r && read -r && read -r && IFS= read -r old_line; } <checkpoint
  old_signature() { printf %s "${old_line##* }" | openssl base64 -d -A | tail -c 64; }
  signed_by <(pem_key "$old") <(old_signature) || tampered "checkpoint is not signed by the key before"
  [[ $old_line == "$(signature_line "$old" <(old_signature))" ]] ||
    tampered "the signature of the key before is not in its one form"
fi
note() {
  cat checkpoint.txt
  printf '\n'
  [[ -z $old ]] || printf '%s\n' "$old_line"
  signature_line "$key" checkpoint.sig
}
same_as checkpoint < <(note) || tampered "checkpoint is not checkpoint.txt and checkpoint.sig"

# The older checkpoints agree with the entries. Their signatures prove nothing that the newest does not, and are left to
# the program.
expected() {
  local -i i
  for ((i = first; i <= last; i++)); do
    if ((i % 256 == 0)) || [[ $changes == *" $i "* ]]; then text "$i"; fi
  done
}
milestones=$(jq -r 'split("\n")[0:3][]' milestones.jsonl 2>/dev/null) ||
  tampered "milestones.jsonl is not a list of checkpoints"
[[ $milestones == "$(expected)" ]] || tampered "a checkpoint in milestones.jsonl does not agree with the entries"

if [[ $csv == true ]]; then
  [[ -r entries.csv && -r $filter ]] || could_not "entries.csv or $filter is missing"
  same_as entries.csv < <(jq -rn -f "$filter" entries.jsonl) || tampered "entries.csv is not made of entries.jsonl"
fi

fingerprint=$(raw_key "$key" | sha256) || could_not "sha256sum failed"
printf 'sound: entries %s to %s of the log %s\n' "$first" "$last" "$log"
printf 'last entry: %s\n' "${hashes[last]}"
printf 'public key: %s\n' "$key"
printf 'its fingerprint: %s %s %s %s\n' "${fingerprint:0:4}" "${fingerprint:4:4}" "${fingerprint:8:4}" \
  "${fingerprint:12:4}"
for entry in $replacements; do
  printf 'note: at entry %s a lost key was replaced; a key known from before it proves nothing after it\n' "$entry"
done
printf 'Compare the key, and a checkpoint kept elsewhere if you have one, as README.md says.\n'
