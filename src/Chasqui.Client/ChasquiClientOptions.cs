using Chasqui.Protocol;
using Chasqui.Transport.Endpoints;

namespace Chasqui.Client;

/// <summary>What a client connects to and how patient it is. Read once, when the client is made.</summary>
public sealed class ChasquiClientOptions
{
    /// <summary>Where a gateway is unless it is said otherwise.</summary>
    public const string DefaultEndpoint = "tcp://127.0.0.1:11436";

    /// <summary>The gateway: <c>tcp://host:port</c>, <c>tls://host:port</c>, <c>unix:/path</c>, <c>ws://host:port/ws</c>, <c>wss://…</c> or <c>host:port</c>.
    /// Default <see cref="DefaultEndpoint"/>.</summary>
    public string Endpoint { get; set; } = DefaultEndpoint;

    /// <summary>The most connections, 1 to 64; a second one is opened only while all others have requests under way. Default 1.</summary>
    public int MaxConnections { get; set; } = 1;

    /// <summary>A key that the gateway asks for, shown as a bearer token. Default none.</summary>
    public string? ApiKey { get; set; }

    /// <summary>How TLS is spoken; null for the machine's usual trust. Only for <c>tls://</c> and <c>wss://</c>.</summary>
    public TlsOptions? Tls { get; set; }

    /// <summary>How long one attempt to connect may take, hello included: 10 ms to 10 minutes. Default 10 s.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How many times a connection is tried before those who wait for it are told, 1 to 100. Default 3.</summary>
    public int ConnectAttempts { get; set; } = 3;

    /// <summary>The wait after a first failure, 1 ms to 1 minute; each further one doubles it, and a random part of up to half is taken off. Default 100 ms.</summary>
    public TimeSpan MinBackoff { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest wait between two attempts, at least <see cref="MinBackoff"/>, at most 10 minutes. Default 5 s.</summary>
    public TimeSpan MaxBackoff { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How often a request is sent again that the gateway says it has not processed, 0 to 20. Default 3. No other request is ever sent twice.</summary>
    public int Retries { get; set; } = 3;

    /// <summary>Whether generations outlive a lost connection unless their call says otherwise: the gateway keeps them, and the stream goes on over the next connection, each
    /// update once. Default false, as it costs the gateway memory and equal requests are not merged.</summary>
    public bool Resume { get; set; }

    /// <summary>How long after a loss another connection is tried for a stream that is to go on, 1 s to 1 hour. Default 30 s, as long as a gateway keeps a generation that nobody
    /// reads.</summary>
    public TimeSpan ResumeWithin { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The deadline of a request that has none of its own, 1 ms to 24 hours; null for none, the default.</summary>
    public TimeSpan? Deadline { get; set; }

    /// <summary>The model of the clients for Microsoft.Extensions.AI when a request names none. Default none.</summary>
    public string? DefaultModel { get; set; }

    /// <summary>What this side says and grants in its hello. Default: the defaults of the protocol.</summary>
    public Settings Settings { get; set; } = new() { Name = "chasqui-client" };

    /// <summary>The largest message taken, in bytes, 1,024 to 1 GiB. Default 16 MiB.</summary>
    public int MaxMessageBytes { get; set; } = 16 << 20;

    /// <summary>Checks every range.</summary>
    /// <exception cref="ArgumentException">A value is outside its range; the message names it.</exception>
    public void Validate()
    {
        Check(MaxConnections is >= 1 and <= 64, nameof(MaxConnections), "1 to 64");
        Check(ConnectTimeout >= TimeSpan.FromMilliseconds(10) && ConnectTimeout <= TimeSpan.FromMinutes(10), nameof(ConnectTimeout), "10 ms to 10 minutes");
        Check(ConnectAttempts is >= 1 and <= 100, nameof(ConnectAttempts), "1 to 100");
        Check(MinBackoff >= TimeSpan.FromMilliseconds(1) && MinBackoff <= TimeSpan.FromMinutes(1), nameof(MinBackoff), "1 ms to 1 minute");
        Check(MaxBackoff >= MinBackoff && MaxBackoff <= TimeSpan.FromMinutes(10), nameof(MaxBackoff), "MinBackoff to 10 minutes");
        Check(Retries is >= 0 and <= 20, nameof(Retries), "0 to 20");
        Check(ResumeWithin >= TimeSpan.FromSeconds(1) && ResumeWithin <= TimeSpan.FromHours(1), nameof(ResumeWithin), "1 s to 1 hour");
        Check(Deadline is null || CallOptions.IsDeadline(Deadline.Value), nameof(Deadline), "1 ms to 24 hours");
        Check(MaxMessageBytes is >= 1024 and <= 1 << 30, nameof(MaxMessageBytes), "1,024 to 1,073,741,824");
        try
        {
            WireEndpoint.Parse(Endpoint);
            Settings.Validate();
        }
        catch (Exception e) when (e is FormatException or ProtocolException)
        {
            throw new ArgumentException(e.Message, e is FormatException ? nameof(Endpoint) : nameof(Settings), e);
        }
    }

    internal ChasquiClientOptions Clone() => (ChasquiClientOptions)MemberwiseClone();

    private static void Check(bool right, string name, string range)
    {
        if (!right)
            throw new ArgumentOutOfRangeException(name, $"{name} must be {range}");
    }
}
