namespace Chasqui.Cli;

/// <summary>Finds who runs the models: the gateway that was named, else one at the usual address, else an engine in this process.</summary>
internal sealed class HostChooser(CliConsole console, Uri usualServer, string? key, Func<CancellationToken, Task<IModelHost>> openEngine)
{
    /// <summary>Where a gateway is unless it is said otherwise.</summary>
    public static readonly Uri DefaultServer = new("tcp://127.0.0.1:11436");

    /// <summary>A gateway on this machine answers at once; whatever takes longer is none.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(2);

    /// <summary>The gateway; nothing in its place.</summary>
    /// <param name="server">What was named; null for the usual address.</param>
    public IModelHost Gateway(Uri? server) => Open(server ?? usualServer);

    /// <summary>The gateway, or an engine in this process where none was named and none runs.</summary>
    /// <param name="server">What was named; null for the usual address.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    public async Task<IModelHost> ChooseAsync(Uri? server, CancellationToken cancellationToken)
    {
        var gateway = Open(server ?? usualServer);
        if (server is not null || await gateway.IsPresentAsync(_patience, cancellationToken))
            return gateway;
        await gateway.DisposeAsync();
        console.Remark($"No gateway at {gateway.Place}; starting the engine in this process.");
        return await openEngine(cancellationToken);
    }

    private IGatewayHost Open(Uri server) =>
        server.Scheme is "http" or "https" ? new GatewayClient(server, key) : new WireModelHost(server.OriginalString, key);
}
