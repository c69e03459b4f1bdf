using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Nodes;

namespace Chasqui.Server.Tests;

/// <summary>Replays what was asked of a real Ollama through a gateway before a double of it, and compares the answers.</summary>
public sealed class NodeTranscriptTests
{
    private const string Folder = "ollama-transcripts";

    // The recorded requests themselves make the models.
    private static readonly DoubleScript _store = new()
    {
        Models = [],
        Blobs =
        [
            new(Digest("fd53328b159250f8e63e0a877f91f272892a87ea3d7dcd3ba677b79bca91fced")),
            new(Digest("99f14f9b4aafaaec882ca29a51b1d9506ffe62c5a6a1a474757066cd22fccb54"), Quantization: "F16"),
            new(Digest("e91d147b2b6454a7578694aeff7df86b743497e1956d98c9c553579667730472"), ["embedding"], "F16"),
        ],
    };

    [Fact]
    public async Task The_answers_through_the_gateway_are_those_of_a_real_Ollama()
    {
        var folder = Repository.SharedData(Folder);
        Assert.SkipWhen(folder is null, $"shared/data/{Folder} is not there (set CHASQUI_SHARED_DATA)");
        var cases = TranscriptCase.ReadAll(folder!);
        await using var fleet = await Fleet.StartAsync(_store);
        var problems = new List<string>();
        var replayed = 0;
        foreach (var recorded in cases.Where(recorded => !NodeDifferences.NotReplayed.ContainsKey(recorded.Name)))
        {
            replayed++;
            var answer = await TranscriptSender.SendAsync(fleet.Gateway.Address, recorded);
            var different = NodeDifferences.All.SingleOrDefault(difference => difference.Case == recorded.Name);
            if (TranscriptComparer.Compare(recorded, answer, different) is { } problem)
                problems.Add($"{recorded.Seq} {recorded.Name}: {problem}");
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{replayed} cases replayed, {NodeDifferences.All.Count} differ on purpose; {NodeDifferences.NotReplayed.Count} left out:");
        foreach (var (name, why) in NodeDifferences.NotReplayed)
            TestContext.Current.TestOutputHelper?.WriteLine($"{name}: {why}");
        Assert.True(problems.Count == 0, string.Join('\n', problems));
        Assert.All(NodeDifferences.NotReplayed.Keys, name => Assert.Contains(cases, recorded => recorded.Name == name));
    }

    private static string Digest(string recorded) => "sha256:" + TranscriptUploads.Rename(recorded);

    [Fact]
    public async Task What_a_body_holds_that_nobody_knows_reaches_the_node_untouched()
    {
        const string Body = """{ "model" : "mini", "prompt":"Hello!", "stream" :false,"later" : {"a":[1,2.50,"\u00e9"]} , "options":{"num_predict":1,"new_option":1e2}}""";
        await using var fleet = await Fleet.StartAsync(new DoubleScript());

        using var response = await fleet.BeginAsync("/api/generate", Body, TestContext.Current.CancellationToken);

        Assert.True(response.IsSuccessStatusCode);
        Assert.Equal(Body, fleet.Double.Requests.Single(request => request.Path == "/api/generate").Body);
    }
}
