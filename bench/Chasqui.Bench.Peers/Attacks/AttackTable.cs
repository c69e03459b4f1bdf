using Chasqui.Bench.Hostile;

namespace Chasqui.Bench.Peers.Attacks;

/// <summary>The attacks by their names, which are those of <see cref="AttackNames"/>.</summary>
internal static class AttackTable
{
    public static Func<AttackRun, Task> Find(string name) => name switch
    {
        "slow-headers" => Slowness.HeadersAsync,
        "slow-bodies" => Slowness.BodiesAsync,
        "endless-bodies" => Bodies.EndlessAsync,
        "unfinished-bodies" => Bodies.UnfinishedAsync,
        "packed-bombs" => Bombs.RunAsync,
        "stalled-readers" => Slowness.StalledReadersAsync,
        "pipelining" => Slowness.PipeliningAsync,
        "idle-connections" => Connections.IdleAsync,
        "connection-churn" => Connections.ChurnAsync,
        "key-storm" => Connections.KeysAsync,
        "crowd" => Crowds.HttpAsync,
        "broken-requests" => Crowds.BrokenAsync,
        "long-answers" => Crowds.LongAnswersAsync,
        "kept-generations" => Crowds.KeptAsync,
        "session-flood" => SessionFloods.WritersAsync,
        "event-readers" => SessionFloods.ReadersAsync,
        "deep-json" => Json.DeepAsync,
        "templates" => Json.TemplatesAsync,
        "grammars" => Json.GrammarsAsync,
        "huge-lists" => Json.ListsAsync,
        "strange-names" => Names.ModelsAsync,
        "strange-paths" => Names.PathsAsync,
        "strange-pulls" => Names.PullsAsync,
        "private-images" => Names.ImagesAsync,
        "huge-headers" => Headers.RunAsync,
        "websocket-noise" => Noise.WebSocketAsync,
        "wire-crowd" => WireCrowds.CrowdAsync,
        "wire-stalled-readers" => WireCrowds.StalledReadersAsync,
        "wire-floods" => WireFloods.FramesAsync,
        "wire-resets" => WireFloods.ResetsAsync,
        "wire-hellos" => WireHellos.RunAsync,
        "wire-header-tables" => WireFloods.HeadersAsync,
        "wire-http-bodies" => WireBodies.HttpAsync,
        "wire-unfinished-messages" => WireBodies.UnfinishedAsync,
        "wire-subscriptions" => WireCrowds.SubscriptionsAsync,
        "wire-kept-generations" => WireCrowds.KeptAsync,
        "wire-noise" => Noise.WireAsync,
        _ => throw new ArgumentException($"there is no attack '{name}', but {string.Join(", ", AttackNames.All)}", nameof(name)),
    };
}
