using System.Globalization;
using Chasqui.Bench.Peers;
using Chasqui.Bench.Peers.Clients;
using Chasqui.Bench.Peers.Servers;

// Started by "chasqui bench": "server KIND" and "client KIND PORT". It ends when its standard input does, so when its parent is gone.
using var control = new Control(Console.OpenStandardInput(), Console.OpenStandardOutput());
return args switch
{
    ["server", var kind] => await ServerPeer.RunAsync(kind, control),
    ["client", var kind, var port] => await ClientPeer.RunAsync(kind, int.Parse(port, CultureInfo.InvariantCulture), control),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("chasqui-bench-peers is started by chasqui bench: server KIND, or client KIND PORT");
    return 2;
}
