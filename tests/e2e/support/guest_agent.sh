# What stands in for qemu-guest-agent in a root of busybox: answers the commands that zvisor asks a guest's agent.
cd /sys/devices/system
number() { echo "$1" | sed "s/.*\"$2\":\"*\\([0-9]*\\).*/\\1/"; }
say() { printf '%s\n' "$1" >&3; }
result() { say "{\"return\": [{\"phys-index\": $1, \"response\": \"$2\", \"error-code\": 16}]}"; }
blocks() {
    for block in memory/memory*; do
        [ $(cat $block/state) = online ] && online=true || online=false
        echo -n "$separator{\"phys-index\": ${block##*memory}, \"online\": $online, \"can-offline\": true}"
        separator=,
    done
}
cpus() {
    for cpu in cpu/cpu[0-9]*; do
        [ $(cat $cpu/online) = 1 ] && online=true || online=false
        echo -n "$separator{\"logical-id\": ${cpu##*cpu}, \"online\": $online, \"can-offline\": true}"
        separator=,
    done
}
serve() {
    while read -r line <&3; do
        separator=
        case "$line" in
        *guest-sync-delimited*) printf '\377' >&3; say "{\"return\": $(number "$line" id)}" ;;
        *guest-sync*) say "{\"return\": $(number "$line" id)}" ;;
        *guest-shutdown*) poweroff -f ;;
        *guest-get-memory-block-info*) say "{\"return\": {\"size\": $((0x$(cat memory/block_size_bytes)))}}" ;;
        *guest-get-memory-blocks*) say "{\"return\": [$(blocks)]}" ;;
        *guest-set-memory-blocks*)
            block=$(number "$line" phys-index)
            case "$line" in *'"online":true'*) state=online_movable ;; *) state=offline ;; esac
            echo $state 2> /dev/null > memory/memory$block/state && result $block success || result $block operation-failed ;;
        *guest-get-vcpus*) say "{\"return\": [$(cpus)]}" ;;
        *guest-set-vcpus*)
            case "$line" in *'"online":true'*) state=1 ;; *) state=0 ;; esac
            echo $state > cpu/cpu$(number "$line" logical-id)/online && say '{"return": 1}' || say '{"error": {"desc": "it stays"}}' ;;
        *guest-exec-status*) say "{\"return\": {\"exited\": true, \"exitcode\": $status}}" ;;
        *guest-exec*chcpu*|*chcpu*guest-exec*)
            cpu=$(echo "$line" | sed 's/.*"-[cg]","\([0-9]*\)".*/\1/')
            case "$line" in *'"-c"'*) state=1 ;; *) state=0 ;; esac
            echo $state > cpu/cpu$cpu/configure; status=$?
            say '{"return": {"pid": 1}}' ;;
        *) say '{"error": {"class": "CommandNotFound", "desc": "unknown"}}' ;;
        esac
    done
}
until [ -e /dev/vport*p1 ]; do sleep 0.1; done
exec 3<>$(echo /dev/vport*p1)
