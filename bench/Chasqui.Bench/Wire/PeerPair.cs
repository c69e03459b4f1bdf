namespace Chasqui.Bench.Wire;

/// <summary>One measurement of a client and its server.</summary>
/// <param name="Rate">Operations a second.</param>
/// <param name="Cpu">Processor time of both processes, microseconds an operation.</param>
/// <param name="P50">Milliseconds within which half of the operations were answered; 0 where nothing was timed.</param>
/// <param name="P99">The same for 99 of 100.</param>
/// <param name="Bytes">Bytes the server sent over TCP, an operation.</param>
internal sealed record PeerSample(double Rate, double Cpu, double P50, double P99, double Bytes)
{
    /// <summary>Sums up what the processes said.</summary>
    /// <param name="answer">The client's answer.</param>
    /// <param name="cpu">What both used meanwhile.</param>
    /// <param name="sent">What the server sent meanwhile.</param>
    public static PeerSample From(PeerAnswer answer, TimeSpan cpu, double sent)
    {
        if (answer.Operations == 0)
            throw new IOException("nothing was answered while it was measured");
        return new PeerSample(
            answer.Operations / answer.Seconds, cpu.TotalMicroseconds / answer.Operations, answer.P50, answer.P99, sent / answer.Operations);
    }
}

/// <summary>A server process and its client process.</summary>
internal sealed class PeerPair : IDisposable
{
    private PeerPair(PeerProcess server, PeerProcess client)
    {
        Server = server;
        Client = client;
    }

    public PeerProcess Server { get; }

    public PeerProcess Client { get; }

    public static async Task<PeerPair> StartAsync(string kind, CancellationToken cancellationToken)
    {
        var server = PeerProcess.Start("server", kind);
        try
        {
            var port = (await server.ReadAsync(cancellationToken).ConfigureAwait(false)).Port;
            return new PeerPair(server, PeerProcess.Start("client", kind, port.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Warms up and measures.</summary>
    public async Task<PeerSample> MeasureAsync(PeerLoad load, double warmUp, double seconds, CancellationToken cancellationToken)
    {
        await Client.AskAsync(new PeerCommand(PeerVerb.Prepare, load, warmUp), cancellationToken).ConfigureAwait(false);
        var sent = await SentAsync(cancellationToken).ConfigureAwait(false);
        var cpu = Server.ProcessorTime + Client.ProcessorTime;
        var answer = await Client.AskAsync(new PeerCommand(PeerVerb.Run, Seconds: seconds), cancellationToken).ConfigureAwait(false);
        cpu = Server.ProcessorTime + Client.ProcessorTime - cpu;
        sent = await SentAsync(cancellationToken).ConfigureAwait(false) - sent;
        await Client.AskAsync(new PeerCommand(PeerVerb.Rest), cancellationToken).ConfigureAwait(false);
        return PeerSample.From(answer, cpu, sent);
    }

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
    }

    private async Task<double> SentAsync(CancellationToken cancellationToken) =>
        (await Server.AskAsync(new PeerCommand(PeerVerb.Sent), cancellationToken).ConfigureAwait(false)).Bytes;
}
