{application, weir_ready,
 [{description, "Lets no client in before the streams have leaders"},
  {vsn, "1.0.0"},
  {modules, [weir_ready]},
  {registered, []},
  {applications, [kernel, stdlib, rabbit]},
  {env, []}]}.
