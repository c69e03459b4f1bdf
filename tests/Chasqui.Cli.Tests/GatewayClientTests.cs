using System.Text;
using System.Text.Json;
using CsCheck;

namespace Chasqui.Cli.Tests;

public sealed class GatewayClientTests
{
    private static readonly string[] _pieces = ["a", "\\", "\"", "é", "€", "😀", " ", "\n"];

    private const string Token = """{"message":{"role":"assistant","content":"Half"},"done":false}""";

    [Theory]
    [InlineData("127.0.0.1:1", "models", "list")]
    [InlineData("tcp://127.0.0.1:1", "models", "ps")]
    [InlineData("ws://127.0.0.1:1/ws", "models", "list")]
    [InlineData("http://127.0.0.1:1", "models", "ps")]
    [InlineData("http://127.0.0.1:1", "ask", "Hi")]
    [InlineData("unix:/no/such.sock", "ask", "Hi")]
    public async Task A_named_gateway_that_does_not_answer_is_3(string server, params string[] args)
    {
        var run = new CliRun();

        var outcome = await run.RunAsync([.. args, "--server", server]);

        Assert.Equal(3, outcome.ExitCode);
        Assert.Contains($"no gateway answers at {(server.Contains(':', StringComparison.Ordinal) && server[0] == '1' ? "tcp://" : "")}{server};", outcome.Error);
        Assert.Empty(run.Engine.Asked);
    }

    [Theory]
    [InlineData("ps")]
    [InlineData("load mini")]
    [InlineData("unload mini")]
    public async Task What_needs_a_gateway_does_not_start_an_engine(string verb)
    {
        var outcome = await new CliRun().RunAsync(["models", .. verb.Split(' ')]);

        Assert.Equal(3, outcome.ExitCode);
    }

    [Fact]
    public async Task A_stream_that_breaks_is_3_and_keeps_its_text()
    {
        var outcome = await AskAsync(RawServer.Chunked(Token + "\n", whole: false));

        Assert.Equal((3, "Half\n"), (outcome.ExitCode, outcome.Out.ReplaceLineEndings("\n")));
        Assert.Contains("broke before the answer ended", outcome.Error);
    }

    [Fact]
    public async Task A_stream_without_its_last_message_is_3()
    {
        var outcome = await AskAsync(RawServer.Chunked(Token + "\n", whole: true));

        Assert.Equal(3, outcome.ExitCode);
    }

    [Fact]
    public async Task An_error_in_a_stream_is_1()
    {
        var outcome = await AskAsync(RawServer.Chunked(Token + "\n{\"error\":\"the engine broke\"}\n", whole: true));

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("error: the engine broke", outcome.Error);
    }

    [Theory]
    [InlineData("<html>\n", "is no NDJSON: a line is no JSON")]
    [InlineData("[1]\n", "is no NDJSON: a line is no JSON object")]
    public async Task A_stream_of_something_else_is_1(string body, string expected)
    {
        var outcome = await AskAsync(RawServer.Chunked(body, whole: true));

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains(expected, outcome.Error);
    }

    [Theory]
    [InlineData("502 Bad Gateway", "<html>nginx</html>", "answered /api/chat with 502 Bad Gateway; is it a Chasqui or an Ollama?")]
    [InlineData("503 Service Unavailable", """{"error":"server busy"}""", "error: server busy")]
    [InlineData("404 Not Found", """{"error":["odd"]}""", "with 404 Not Found")]
    public async Task A_refusal_is_told_in_the_words_of_the_server(string status, string body, string expected)
    {
        var outcome = await AskAsync(RawServer.Sized(status, body));

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains(expected, outcome.Error);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("")]
    public async Task A_list_that_is_none_is_1(string body)
    {
        await using var server = new RawServer(RawServer.Sized("200 OK", body));

        var outcome = await new CliRun().RunAsync("models", "list", "--server", server.Address.ToString());

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("with no JSON object", outcome.Error);
    }

    [Fact]
    public async Task Something_else_at_the_usual_address_is_no_gateway()
    {
        await using var server = new RawServer(RawServer.Sized("404 Not Found", "not here"));
        var run = new CliRun { Server = server.Address };

        var outcome = await run.RunAsync("ask", "Hi");

        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains("starting the engine in this process", outcome.Error);
        Assert.Single(run.Engine.Asked);
    }

    [Fact]
    public async Task Lines_are_read_however_the_network_cuts_them() =>
        await Gen.Select(Gen.Int[0, 7].Select(i => _pieces[i]).Array[0, 12].Select(string.Concat).Array[0, 8], Gen.Int[1, 7], Gen.Bool).SampleAsync(async (texts, cut, lastEnds) =>
        {
            var body = string.Join("\n", texts.Select(text => $"{{\"t\":{JsonSerializer.Serialize(text)}}}")) + (lastEnds ? "\n" : "");
            var read = new List<string>();
            await foreach (var value in NdjsonReader.ReadAsync(new SlicedStream(Encoding.UTF8.GetBytes(body), cut), CancellationToken.None))
                read.Add(value.Text("t"));
            Assert.Equal(texts, read);
        });

    [Fact]
    public async Task A_line_without_end_is_refused()
    {
        var body = new byte[NdjsonReader.MaxLine + 100_000];
        body.AsSpan().Fill((byte)'x');

        await Assert.ThrowsAsync<InvalidDataException>(async () =>
        {
            await foreach (var _ in NdjsonReader.ReadAsync(new MemoryStream(body), TestContext.Current.CancellationToken))
            {
            }
        });
    }

    private static async Task<CliOutcome> AskAsync(string answer)
    {
        await using var server = new RawServer(answer);
        return await new CliRun().RunAsync("ask", "Hi", "--model", "mini", "--server", server.Address.ToString());
    }

    private sealed class SlicedStream(byte[] bytes, int most) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(most, buffer.Length)], cancellationToken);
    }
}
