namespace Chasqui.Cli;

/// <summary>Finds who runs the models: the gateway that was named, else one at the usual address, else an engine in this process.</summary>
internal sealed class HostChooser(CliConsole console, Uri usualServer, string? key, Func<CancellationToken, Task<IModelHost>> openEngine)
{
    /// <summary>Where a gateway is unless it is said otherwise.</summary>
    public static readonly Uri DefaultServer = new("tcp://127.0.0.1:11436");

    /// <summary>A gateway on this machine answers at once; whatever takes longer is none.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(2);

    /// <summary>In the place of a scheme where none was named: what the port speaks, MCP or HTTP, is found out.</summary>
    public const string AnyScheme = "any";

    /// <summary>The gateway; nothing in its place.</summary>
    /// <param name="server">What was named; null for the usual address.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    public async Task<IModelHost> GatewayAsync(Uri? server, CancellationToken cancellationToken) => await OpenAsync(server ?? usualServer, cancellationToken);

    /// <summary>The gateway, or an engine in this process where none was named and none runs.</summary>
    /// <param name="server">What was named; null for the usual address.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    public async Task<IModelHost> ChooseAsync(Uri? server, CancellationToken cancellationToken)
    {
        var gateway = await OpenAsync(server ?? usualServer, cancellationToken);
        if (server is not null || await gateway.IsPresentAsync(_patience, cancellationToken))
            return gateway;
        await gateway.DisposeAsync();
        console.Remark($"No gateway at {gateway.Place}; starting the engine in this process.");
        return await openEngine(cancellationToken);
    }

    private async Task<IGatewayHost> OpenAsync(Uri server, CancellationToken cancellationToken)
    {
        if (server.Scheme is "http" or "https")
            return new GatewayClient(server, key);
        if (server.Scheme != AnyScheme)
            return new WireModelHost(server.OriginalString, key);
        var wire = new WireModelHost("tcp://" + server.Authority, key);
        if (await wire.IsPresentAsync(_patience, cancellationToken))
            return wire;
        var http = new GatewayClient(new Uri($"http://{server.Authority}/"), key);
        if (await http.IsPresentAsync(_patience, cancellationToken))
        {
            await wire.DisposeAsync();
            return http;
        }
        await http.DisposeAsync();
        return wire;
    }
}
