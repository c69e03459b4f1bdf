using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Chasqui.Client;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Cli.Tests;

/// <summary>Answers whose engine dies in the middle, with the real program, the real model and a real signal.</summary>
public sealed class ContinuationTests : IDisposable
{
    private const int Streams = 32;

    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("chasqui-home-");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _home.Delete(recursive: true);

    [Fact]
    public async Task Streams_go_on_as_if_nothing_had_happened_when_the_worker_is_killed()
    {
        await using var serve = ChasquiProcess.Start(_home.FullName, "serve", "--http", "127.0.0.1:0", "--json");
        var announced = JsonElement.Parse((await serve.Out.ReadLineAsync(Cancellation))!);
        var worker = WorkerOf(await serve.ErrorLineAsync("engine worker "));
        await using var client = new ChasquiClient(announced.GetProperty("mcp")[0].GetString()!);

        var undisturbed = await Task.WhenAll(Enumerable.Range(0, Streams).Select(i => RunAsync(client, Request(i), null)));
        var halfway = new CountdownEvent(8);
        var running = Enumerable.Range(0, Streams).Select(i => RunAsync(client, Request(i), halfway)).ToList();
        Assert.True(await Task.Run(() => halfway.Wait(TimeSpan.FromSeconds(30), Cancellation), Cancellation));
        await KillAsync(worker);
        var disturbed = await Task.WhenAll(running).WaitAsync(TimeSpan.FromSeconds(60), Cancellation);

        await serve.ErrorLineAsync("killed by signal 9");
        // Each has ended in order, those that ran have gone on, and no token is counted twice or not at all.
        Assert.True(disturbed.Count(answer => answer.Result.Continuations > 0) >= 8);
        Assert.All(disturbed, answer => Assert.InRange(answer.Result.Continuations, 0, 1));
        // What is computed in one step and what token by token differs in the last bits, so that a rare choice between equals may fall otherwise.
        var same = disturbed.Zip(undisturbed).Count(pair => pair.First.Text == pair.Second.Text);
        TestContext.Current.TestOutputHelper?.WriteLine($"{same} of {Streams} texts are equal to the byte");
        Assert.InRange(same, Streams - 2, Streams);
        Assert.All(disturbed.Zip(undisturbed).Where(pair => pair.First.Text == pair.Second.Text), pair =>
        {
            Assert.Equal(pair.Second.Result.CompletionTokens, pair.First.Result.CompletionTokens);
            Assert.Equal(pair.Second.Result.PromptTokens, pair.First.Result.PromptTokens);
        });
    }

    [Fact]
    public async Task An_answer_of_a_prescribed_form_goes_on_in_that_form()
    {
        await using var serve = ChasquiProcess.Start(_home.FullName, "serve", "--http", "127.0.0.1:0", "--json");
        var announced = JsonElement.Parse((await serve.Out.ReadLineAsync(Cancellation))!);
        var worker = WorkerOf(await serve.ErrorLineAsync("engine worker "));
        using var http = new HttpClient { BaseAddress = new Uri(announced.GetProperty("listening")[0].GetString()!) };
        const string body = """
            {"model":"mini","prompt":"List numbers","stream":true,"options":{"temperature":0,"num_predict":600},
             "format":{"type":"array","items":{"type":"integer","minimum":1,"maximum":9},"minItems":150,"maxItems":150}}
            """;

        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/generate") { Content = new StringContent(body) };
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(Cancellation));
        var (text, last, count) = (new StringBuilder(), default(JsonElement), 0);
        while (await lines.ReadLineAsync(Cancellation) is { } line)
        {
            last = JsonElement.Parse(line);
            Assert.False(last.TryGetProperty("error", out var error), error.ToString());
            text.Append(last.GetProperty("response").GetString());
            if (++count == 2)
                await KillAsync(worker);
        }

        Assert.True(last.GetProperty("done").GetBoolean());
        Assert.Equal(1, last.GetProperty("continuations").GetInt32());
        Assert.Equal(150, JsonElement.Parse(text.ToString()).GetArrayLength());
    }

    private static Messages.GenerateRequest Request(int i) => new()
    {
        Model = "mini",
        Prompt = string.Create(CultureInfo.InvariantCulture, $"Tell me story number {i}."),
        Common = new() { Options = new() { Temperature = 0, NumPredict = 300, RepeatPenalty = 1.1f } },
    };

    private static async Task<(string Text, Messages.GenerationResult Result)> RunAsync(ChasquiClient client, Messages.GenerateRequest request, CountdownEvent? halfway)
    {
        var text = new StringBuilder();
        Messages.GenerationResult? result = null;
        var count = 0;
        await foreach (var update in client.GenerateAsync(request, cancellationToken: Cancellation))
        {
            text.Append(update.Text);
            result = update.Result ?? result;
            if (++count == 5 && halfway is { IsSet: false })
                halfway.Signal();
        }
        return (text.ToString(), result!);
    }

    private static string WorkerOf(string line) => Regex.Match(line, "engine worker ([0-9]+)").Groups[1].Value;

    private static async Task KillAsync(string worker)
    {
        using var kill = System.Diagnostics.Process.Start("kill", ["-KILL", worker]);
        await kill.WaitForExitAsync(Cancellation);
    }
}
