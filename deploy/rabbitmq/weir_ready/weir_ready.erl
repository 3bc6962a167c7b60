%% Lets no client in before the streams of a starting broker have leaders.
%%
%% RabbitMQ before 4.2 opens its listeners while it still elects them (0.1 to 0.5 s on one node). What is
%% published into a stream in that time is confirmed and thrown away: a stream that is not up yet is left out
%% of the table of queues (rabbit_stream_queue:recover/1 in 3.10.8), and a publish without queues is confirmed.
%% Where a client is in time for the election itself, its publishes are sent again under wrong numbers, and
%% later ones are taken for repetitions (corrected in 4.0, rabbitmq/rabbitmq-server#12236).
%%
%% A boot step of a plugin runs after the recovery of queues and before any listener.
-module(weir_ready).

-export([wait/0]).

-rabbit_boot_step({?MODULE,
                   [{description, "wait for the leaders of streams"},
                    {mfa, {?MODULE, wait, []}},
                    {requires, recovery}]}).

-define(INTERVAL_MS, 20).
%% A stream that cannot be had must not keep the others from their publishers for ever.
-define(PATIENCE_MS, 60000).

wait() ->
    wait(rabbit_amqqueue:list_by_type(rabbit_stream_queue), ?PATIENCE_MS).

wait(Streams, PatienceMs) ->
    case [Stream || Stream <- Streams, not has_leader(Stream)] of
        [] ->
            ok;
        Missing when PatienceMs =< 0 ->
            logger:error("weir_ready: ~b streams have no leader; publishes into them may be lost",
                         [length(Missing)]);
        Missing ->
            timer:sleep(?INTERVAL_MS),
            wait(Missing, PatienceMs - ?INTERVAL_MS)
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
    is_pid(Pid).
