using System.Text;
using Chasqui.Gateway.Nodes;
using Chasqui.Server.Tests.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>Answers that a node packs although it was not asked to, on their way past.</summary>
public sealed class PackedAnswersTests
{
    private const string Stream = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Codings => PackedRequestTests.Codings;

    [Theory]
    [MemberData(nameof(Codings))]
    public async Task The_client_gets_them_unpacked(string coding)
    {
        await using var gateway = await StartAsync(coding, Packed.Of(coding, Stream));
        var result = await ApiCall.Of("/v1/chat/completions", stream: true).SendAsync(gateway.Http, Cancellation);
        Assert.Equal((CallEnd.Whole, Stream), (result.End, result.Body));

        await using var whole = await StartAsync(coding, Packed.Of(coding, "{\"choices\":[]}"), "application/json");
        using var response = await whole.Http.SendAsync(Fleet.Post("/v1/chat/completions", ApiCall.Of("/v1/chat/completions", stream: false).Body), Cancellation);
        Assert.Equal("{\"choices\":[]}", await response.Content.ReadAsStringAsync(Cancellation));
        Assert.Empty(response.Content.Headers.ContentEncoding);
    }

    [Fact]
    public async Task An_error_is_read_too()
    {
        await using var gateway = await StartAsync("gzip", Packed.Of("gzip", "{\"error\":{\"message\":\"no\"}}"), "application/json", 400);
        var result = await ApiCall.Of("/v1/chat/completions", stream: true).SendAsync(gateway.Http, Cancellation);
        Assert.Equal((CallEnd.Refused, 400), (result.End, result.Status));
    }

    [Fact]
    public async Task A_stream_that_ends_without_a_result_or_is_not_what_its_header_says_is_the_nodes_failure()
    {
        await using var early = await StartAsync("gzip", Packed.Of("gzip", Stream[..(Stream.IndexOf("\n\n", StringComparison.Ordinal) + 2)]));
        var result = await ApiCall.Of("/v1/chat/completions", stream: true).SendAsync(early.Http, Cancellation);
        Assert.Equal(CallEnd.Broken, result.End);

        foreach (var coding in (string[])["gzip", "zstd", "lzma"])
        {
            await using var other = await StartAsync(coding, Encoding.UTF8.GetBytes(Stream));
            result = await ApiCall.Of("/v1/chat/completions", stream: true).SendAsync(other.Http, Cancellation);
            Assert.Equal((CallEnd.Refused, 500), (result.End, result.Status));
            Assert.Contains("Content-Encoding", other.App.Services.GetRequiredService<NodeSet>().All[0].Health.LastFailure, StringComparison.Ordinal);
        }
    }

    // In small parts, as a network brings them.
    private static Task<RunningGateway> StartAsync(string coding, byte[] body, string type = "text/event-stream", int status = 200) =>
        PassingNode.StartAsync(new PassingNode(_ => new PassingAnswer(type) { Status = status, Bytes = [.. body.Chunk(5)], More = [new("Content-Encoding", Packed.Header(coding))] }));
}
