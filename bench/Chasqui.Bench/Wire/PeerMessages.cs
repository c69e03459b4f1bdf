using System.Text.Json.Serialization;

namespace Chasqui.Bench.Wire;

/// <summary>What load a client process puts on its server.</summary>
internal enum LoadShape
{
    /// <summary>Requests with one answer each, as fast as they go.</summary>
    Unary,

    /// <summary>Streams of tokens as fast as they go, each opened again when it has ended.</summary>
    FreeStream,

    /// <summary>Streams that get a token on each tick of the server, without end.</summary>
    PacedStream,

    /// <summary>Connections that say hello and then nothing.</summary>
    Idle,
}

/// <summary>A load.</summary>
/// <param name="Shape">Its kind.</param>
/// <param name="Connections">Connections, where the peer can share them.</param>
/// <param name="InFlight">Requests or streams under way on each connection.</param>
/// <param name="Port">Where, if not at the port that the client was started with.</param>
internal sealed record PeerLoad(LoadShape Shape, int Connections, int InFlight, int Port = 0);

/// <summary>What a peer process is told, one line of JSON on its standard input.</summary>
internal enum PeerVerb
{
    /// <summary>Client: open the connections and warm up.</summary>
    Prepare,

    /// <summary>Client: measure for some seconds.</summary>
    Run,

    /// <summary>Client: close everything again.</summary>
    Rest,

    /// <summary>Server: how many bytes were sent on the connections that are open.</summary>
    Sent,

    /// <summary>Server: collect garbage, so that memory can be compared.</summary>
    Collect,

    /// <summary>Attackers: attack for some seconds.</summary>
    Attack,
}

/// <summary>One command.</summary>
/// <param name="Verb">What to do.</param>
/// <param name="Load">With <see cref="PeerVerb.Prepare"/>: the load.</param>
/// <param name="Seconds">With <see cref="PeerVerb.Prepare"/>, <see cref="PeerVerb.Run"/> and <see cref="PeerVerb.Attack"/>: how long.</param>
/// <param name="Attacks">With <see cref="PeerVerb.Attack"/>: the attacks, which are made at once.</param>
/// <param name="Seed">With <see cref="PeerVerb.Attack"/>: what decides about what is made up.</param>
internal sealed record PeerCommand(PeerVerb Verb, PeerLoad? Load = null, double Seconds = 0, IReadOnlyList<string>? Attacks = null, int Seed = 0);

/// <summary>What a peer process answers, one line of JSON on its standard output. A server says its port first.</summary>
internal sealed record PeerAnswer
{
    /// <summary>What went wrong; null if nothing did.</summary>
    public string? Error { get; init; }

    /// <summary>Where the server listens.</summary>
    public int Port { get; init; }

    /// <summary>The process that was started for this one; 0 if it has ended.</summary>
    public int Process { get; init; }

    /// <summary>Requests answered, tokens received or connections open.</summary>
    public long Operations { get; init; }

    /// <summary>How long the measuring took.</summary>
    public double Seconds { get; init; }

    /// <summary>Half of the requests were answered within this time, in milliseconds; 0 where nothing was timed.</summary>
    public double P50 { get; init; }

    /// <summary>99 of 100 requests were answered within this time, in milliseconds; 0 where nothing was timed.</summary>
    public double P99 { get; init; }

    /// <summary>Bytes sent over TCP; not a number where the system does not tell.</summary>
    public double Bytes { get; init; }
}

/// <summary>How the lines are written.</summary>
[JsonSourceGenerationOptions(UseStringEnumConverter = true, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(PeerCommand))]
[JsonSerializable(typeof(PeerAnswer))]
internal sealed partial class PeerJson : JsonSerializerContext;
