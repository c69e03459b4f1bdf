using System.Diagnostics;
using System.Globalization;
using Chasqui.Bench.Peers;
using Chasqui.Bench.Peers.Attacks;
using Chasqui.Bench.Peers.Clients;
using Chasqui.Bench.Peers.Servers;

// The peer mcp is set up as the product's program is. The others are left at their defaults, as is mcp-plain.
if (args is [_, "mcp" or "node-mcp", ..])
    Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");

// Started by "chasqui bench": "server KIND [BACKEND PORT]", "double SCRIPT", "client KIND PORT", "attack PRIORITY HTTP-PORT MCP-ENDPOINT KEY KEY" and "guard LOG PROGRAM ARGUMENTS". It ends when its standard input does, so when its parent is gone.
using var control = new Control(Console.OpenStandardInput(), Console.OpenStandardOutput());
return args switch
{
    ["server", var kind] => await ServerPeer.RunAsync(kind, 0, control),
    ["server", var kind, var backend] => await ServerPeer.RunAsync(kind, int.Parse(backend, CultureInfo.InvariantCulture), control),
    ["double", var script] => await DoublePeer.RunAsync(script, control),
    ["guard", var log, var program, .. var rest] => await Guard.RunAsync(log, program, rest, control),
    ["client", var kind, var port] => await ClientPeer.RunAsync(kind, int.Parse(port, CultureInfo.InvariantCulture), control),
    ["attack", var priority, var http, var wire, var infer, var models] =>
        await AttackPeer.RunAsync(Enum.Parse<ProcessPriorityClass>(priority), new AttackTarget(int.Parse(http, CultureInfo.InvariantCulture), wire, infer, models), control),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("chasqui-bench-peers is started by chasqui bench: server KIND [BACKEND PORT], double SCRIPT, client KIND PORT, attack PRIORITY HTTP-PORT MCP-ENDPOINT KEY KEY, or guard LOG PROGRAM ARGUMENTS");
    return 2;
}
