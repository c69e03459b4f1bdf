using System.Text.Json.Nodes;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Nodes;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Server.Tests.Caching;

/// <summary>Answers that are kept, before a node whose requests are counted.</summary>
public sealed class CacheTests
{
    private const string Chat = """{"model":"mini","messages":[{"role":"user","content":"x"}],"stream":false,"options":{"temperature":0}}""";

    private static readonly DoubleModel _model = new() { Name = "mini", Capabilities = ["completion", "embedding"] };
    private static readonly DoubleScript _node = new() { Models = [_model] };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, bool> Calls()
    {
        var data = new TheoryData<string, bool>();
        foreach (var call in ApiCall.Generating)
            data.Add(call.Path, call.Stream);
        return data;
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task A_generation_is_made_once_and_told_again_byte_for_byte(string path, bool stream)
    {
        await using var fleet = await StartAsync();
        var call = ApiCall.Of(path, stream);
        var body = call.Body[..^1] + (path.StartsWith("/api/", StringComparison.Ordinal) ? ",\"options\":{\"seed\":4}}" : ",\"temperature\":0}");
        var first = await SendAsync(fleet, path, body);
        var second = await SendAsync(fleet, path, body);
        Assert.Equal(("miss", "hit"), (first.Cache, second.Cache));
        Assert.Equal(first.Text, second.Text);
        Assert.Equal(first.Type, second.Type);
        Assert.Equal((1, "0"), (Posts(fleet), second.Age));
        // What is asked otherwise is another answer.
        Assert.Equal("miss", (await SendAsync(fleet, path, body.Replace("Hello", "Hullo", StringComparison.Ordinal))).Cache);
    }

    [Fact]
    public async Task What_may_be_answered_otherwise_is_not_kept()
    {
        await using var fleet = await StartAsync();
        for (var i = 0; i < 2; i++)
            Assert.Null((await SendAsync(fleet, "/api/chat", Chat.Replace("0}", "0.5}", StringComparison.Ordinal))).Cache);
        Assert.Equal(2, Posts(fleet));
    }

    [Fact]
    public async Task A_request_says_what_it_wants_of_the_cache()
    {
        await using var fleet = await StartAsync();
        Assert.Null((await SendAsync(fleet, "/api/chat", Chat, "no-store")).Cache);
        Assert.Equal("miss", (await SendAsync(fleet, "/api/chat", Chat)).Cache);
        Assert.Equal("hit", (await SendAsync(fleet, "/api/chat", Chat, "max-age=60")).Cache);
        Assert.Null((await SendAsync(fleet, "/api/chat", Chat, "no-cache")).Cache);
        Assert.Equal(3, Posts(fleet));
    }

    [Fact]
    public async Task An_answer_ages_and_goes()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var fleet = await Fleet.StartAsync(_node, time: time);
        await fleet.WarmAsync();
        fleet.Double.Reset();
        await SendAsync(fleet, "/api/chat", Chat);
        time.Advance(TimeSpan.FromSeconds(90));
        Assert.Equal("90", (await SendAsync(fleet, "/api/chat", Chat)).Age);
        Assert.Equal("miss", (await SendAsync(fleet, "/api/chat", Chat, "max-age=60")).Cache);
        Assert.Equal("0", (await SendAsync(fleet, "/api/chat", Chat)).Age);
        time.Advance(TimeSpan.FromHours(1));
        Assert.Equal("miss", (await SendAsync(fleet, "/api/chat", Chat)).Cache);
    }

    [Fact]
    public async Task A_model_that_was_changed_has_no_answers_yet()
    {
        await using var fleet = await StartAsync();
        const string Embed = """{"model":"mini","input":"a"}""";
        await SendAsync(fleet, "/api/chat", Chat);
        await SendAsync(fleet, "/api/embed", Embed);
        await using var other = await Fleet.StartAsync(_node with { Models = [_model with { Digest = new string('a', 64) }] });
        var (old, changed) = (fleet.Gateway.App.Services, other.Gateway.App.Services);
        Assert.NotEqual(Version(old), Version(changed));
        Assert.Equal("hit", (await SendAsync(fleet, "/api/embed", Embed)).Cache);

        static string? Version(IServiceProvider services) =>
            ((Chasqui.Gateway.Caching.ModelVersions)services.GetService(typeof(Chasqui.Gateway.Caching.ModelVersions))!).Of("mini", null);
    }

    [Theory]
    [InlineData("/api/embed")]
    [InlineData("/v1/embeddings")]
    public async Task Vectors_are_kept_text_by_text(string path)
    {
        await using var fleet = await StartAsync();
        var first = await SendAsync(fleet, path, """{"model":"mini","input":["a cat","a dog"]}""");
        var both = await SendAsync(fleet, path, """{"model":"mini","input":["a dog","a cat"]}""");
        Assert.Equal(("miss", "hit"), (first.Cache, both.Cache));
        Assert.Equal(Vectors(first.Text).Reverse(), Vectors(both.Text));
        var more = await SendAsync(fleet, path, """{"model":"mini","input":["a cow","a cat"]}""");
        Assert.Equal("miss", more.Cache);
        Assert.Equal(Vectors(first.Text)[0], Vectors(more.Text)[1]);
        Assert.Equal("""["a cow"]""", JsonNode.Parse(fleet.Double.Requests.Last(request => request.Path == "/api/embed").Body)!["input"]!.ToJsonString());
        Assert.Equal("miss", (await SendAsync(fleet, path, """{"model":"mini","input":["a cat"],"dimensions":4}""")).Cache);
        Assert.Equal(Tokens(first.Text), Tokens(both.Text));
    }

    [Theory]
    [InlineData(FaultKind.DropMidStream)]
    [InlineData(FaultKind.ErrorLine)]
    [InlineData(FaultKind.NoDone)]
    [InlineData(FaultKind.Status)]
    public async Task What_is_not_whole_is_not_kept(FaultKind kind)
    {
        await using var fleet = await StartAsync();
        var body = Chat.Replace("false", "true", StringComparison.Ordinal);
        fleet.Double.Script = _node with { Faults = [new Fault { Kind = kind, AfterTokens = 3, Status = 500, Requests = 1 }] };
        // A node that hangs up at once may be asked again by itself.
        var isWhole = false;
        using (var response = await fleet.BeginAsync("/api/chat", body, Cancellation))
        {
            try
            {
                isWhole = (await response.Content.ReadAsStringAsync(Cancellation)).Contains("\"done\":true", StringComparison.Ordinal);
            }
            catch (HttpRequestException)
            {
                // It broke off.
            }
        }
        Assert.Equal(isWhole ? "hit" : "miss", (await SendAsync(fleet, "/api/chat", body)).Cache);
        Assert.Equal("hit", (await SendAsync(fleet, "/api/chat", body)).Cache);
    }

    internal static async Task<Fleet> StartAsync(string redis = "")
    {
        var fleet = await Fleet.StartAsync(_node, change: options => options with { Cache = options.Cache with { Redis = redis } });
        await fleet.WarmAsync();
        fleet.Double.Reset();
        return fleet;
    }

    internal static long Posts(Fleet fleet) => fleet.Double.State.RequestsByPath.Where(entry => entry.Key.StartsWith("POST", StringComparison.Ordinal) && !entry.Key.EndsWith("show", StringComparison.Ordinal)).Sum(entry => entry.Value);

    internal static async Task<(string Text, string? Cache, string? Age, string? Type)> SendAsync(Fleet fleet, string path, string body, string? control = null)
    {
        using var request = Fleet.Post(path, body);
        if (control is not null)
            request.Headers.Add("Cache-Control", control);
        using var response = await fleet.Gateway.Http.SendAsync(request, Cancellation);
        var text = await response.Content.ReadAsStringAsync(Cancellation);
        Assert.True(response.IsSuccessStatusCode, text);
        return (text, One("X-Chasqui-Cache"), One("Age"), response.Content.Headers.ContentType?.ToString());

        string? One(string name) => response.Headers.TryGetValues(name, out var values) ? values.Single() : null;
    }

    private static string[] Vectors(string answer)
    {
        var json = JsonNode.Parse(answer)!;
        return [.. json["embeddings"]?.AsArray().Select(vector => vector!.ToJsonString()) ?? json["data"]!.AsArray().Select(item => item!["embedding"]!.ToJsonString())];
    }

    private static int Tokens(string answer) => (int)(JsonNode.Parse(answer)!["prompt_eval_count"] ?? JsonNode.Parse(answer)!["usage"]!["prompt_tokens"])!;
}
