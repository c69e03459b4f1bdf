namespace Chasqui.Server.Tests.Keys;

/// <summary>An engine with two models, <c>mini</c> and <c>other:7b</c>, that answers with 4 tokens: 3 of the prompt and 1 of the answer.</summary>
internal static class KeyModels
{
    public static ScriptedEngine Engine(Action? asked = null) => new()
    {
        Models = [Summary("mini:latest"), Summary("other:7b")],
        Resident = [new ResidentModel { Summary = Summary("mini:latest"), ContextLength = 4_096 }],
        Failure = () => new ModelNotFoundException("other:8", ["mini:latest", "other:7b"]),
        Answer = (_, cancellationToken) =>
        {
            asked?.Invoke();
            return ScriptedEngine.TokensAsync(["Hi"], cancellationToken);
        },
    };

    private static ModelSummary Summary(string name) => new()
    {
        Name = name,
        Digest = new string('a', 64),
        SizeBytes = 1,
        ModifiedAt = DateTimeOffset.UnixEpoch,
        Details = new ModelDetails { Family = "llama", ParameterSize = "1M", QuantizationLevel = "F32" },
        Capabilities = ["completion"],
    };
}
