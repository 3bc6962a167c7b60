%% Lets no client in before the streams of a starting broker have leaders.
%%
%% RabbitMQ before 4.2 opens its listeners while it still elects them (0.1 to 0.5 s on one node). What is
%% published into a stream in that time is confirmed and thrown away: a stream that is not up yet is left out
%% of the table of queues (rabbit_stream_queue:recover/1 in 3.10.8), and a publish without queues is confirmed.
%% Where a client is in time for the election itself, its publishes are sent again under wrong numbers, and
%% later ones are taken for repetitions (corrected in 4.0, rabbitmq/rabbitmq-server#12236).
%%
%% Killed within a second of the very first declaration of a stream, 3.10.8 forgets the coordinator that elects
%% leaders (its name is written to disk half a second later, see ra_directory), and killed while it declares a
%% stream, the coordinator may not know it. Nobody would ever lead such a stream, and all that is published into
%% it would be confirmed and thrown away: it is given to the coordinator again, with the log that it has.
%%
%% A consistent-hash exchange numbers its destinations in the order in which their bindings come back, and they
%% come back from several workers at once (rabbit_binding:recover/2): after a restart a device could be in
%% another partition, and its new messages be read before its old ones. They get the numbers of their names.
%%
%% The wrong numbers of rabbitmq/rabbitmq-server#12236 are also those of a node that goes on when another one,
%% which led a stream, has died: what clients of the living node publish is then never confirmed, or confirmed
%% and thrown away. Before 4.0, clients are therefore let go when a node dies, and let in again when the streams
%% have leaders: nothing is under way while they change.
%%
%% A boot step of a plugin runs after the recovery of queues and before any listener.
-module(weir_ready).

-export([wait/0, watch/0]).

-rabbit_boot_step({?MODULE,
                   [{description, "wait for the leaders of streams"},
                    {mfa, {?MODULE, wait, []}},
                    {requires, recovery}]}).

-define(INTERVAL_MS, 20).
%% What has no leader by then is not known to the coordinator.
-define(ADOPT_AFTER_MS, 3000).
%% A stream that cannot be had must not keep the others from their publishers for ever.
-define(PATIENCE_MS, 60000).

-define(RINGS, rabbit_exchange_type_consistent_hash_ring_state).

wait() ->
    wait(streams(), 0),
    order_rings(),
    case rabbit_misc:version_compare(rabbit_misc:version(), "4.0.0", lt) of
        true -> watch_nodes();
        false -> ok
    end.

watch_nodes() ->
    case whereis(?MODULE) of
        undefined -> register(?MODULE, spawn(?MODULE, watch, [])), ok;
        _ -> ok
    end.

watch() ->
    ok = net_kernel:monitor_nodes(true),
    watch_loop().

watch_loop() ->
    receive
        {nodedown, Node} ->
            Hosts = [Host || Stream <- streams(), Host <- maps:get(nodes, amqqueue:get_type_state(Stream))],
            %% Command line tools are nodes, too.
            lists:member(Node, Hosts) andalso pause(Node);
        _ ->
            ok
    end,
    watch_loop().

pause(Node) ->
    logger:warning("weir_ready: ~ts is gone; clients have to wait until the streams have leaders", [Node]),
    %% Listeners of AMQP, MQTT and streams; rabbit_maintenance does not know connections of MQTT.
    Listeners = [Name || {acceptor, _, _} = Name <- maps:keys(ranch:info())],
    [ranch:suspend_listener(Name) || Name <- Listeners],
    try
        [exit(Pid, kill) || Name <- Listeners, Pid <- ranch:procs(Name, connections)],
        wait(streams(), 0)
    after
        [ranch:resume_listener(Name) || Name <- Listeners],
        logger:warning("weir_ready: clients are let in again")
    end.

streams() ->
    rabbit_amqqueue:list_by_type(rabbit_stream_queue).

wait(Streams, WaitedMs) ->
    case [Stream || Stream <- Streams, not has_leader(Stream)] of
        [] ->
            ok;
        Missing when WaitedMs >= ?PATIENCE_MS ->
            logger:error("weir_ready: ~b streams have no leader; publishes into them may be lost",
                         [length(Missing)]);
        Missing ->
            [adopt(Stream) || WaitedMs =:= ?ADOPT_AFTER_MS, Stream <- Missing],
            timer:sleep(?INTERVAL_MS),
            wait(Missing, WaitedMs + ?INTERVAL_MS)
    end.

%% Where a stream has members on several nodes, another one may know it.
adopt(Stream) ->
    #{name := Name, nodes := Nodes} = amqqueue:get_type_state(Stream),
    case {Nodes =:= [node()], rabbit_stream_coordinator:members(Name)} of
        {true, {error, _}} ->
            logger:warning("weir_ready: giving ~ts to the stream coordinator, which forgot it", [Name]),
            spawn(fun() -> rabbit_stream_coordinator:new_stream(Stream, node()) end);
        _ ->
            ok
    end.

has_leader(Stream) ->
    case rabbit_amqqueue:lookup(amqqueue:get_name(Stream)) of
        {ok, Known} -> is_alive(amqqueue:get_pid(Known));
        {error, not_found} -> false
    end.

is_alive(Pid) when is_pid(Pid), node(Pid) =:= node() ->
    %% A process of an earlier run of this node has its name, but is not here to be asked.
    try erlang:is_process_alive(Pid)
    catch error:badarg -> false
    end;
is_alive(Pid) ->
    is_pid(Pid) andalso lists:member(node(Pid), nodes()).

%% Where bindings are not in Mnesia, they are kept with their order.
order_rings() ->
    case mnesia:system_info(is_running) =:= yes andalso lists:member(?RINGS, mnesia:system_info(tables)) of
        true ->
            {atomic, _} = mnesia:transaction(fun () -> [order_ring(Key) || Key <- mnesia:all_keys(?RINGS)] end),
            ok;
        false ->
            ok
    end.

order_ring(Key) ->
    [{chx_hash_ring, Exchange, Buckets, Next}] = mnesia:read(?RINGS, Key, write),
    {Numbers, Destinations} = lists:unzip(lists:sort(maps:to_list(Buckets))),
    Ordered = maps:from_list(lists:zip(Numbers, lists:sort(fun is_before/2, Destinations))),
    mnesia:write(?RINGS, {chx_hash_ring, Exchange, Ordered, Next}, write).

%% Partition 2 is before partition 10.
is_before({resource, _, _, A}, {resource, _, _, B}) ->
    {byte_size(A), A} =< {byte_size(B), B}.
