using Chasqui.Gateway.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>How streams end that pass by unread, before one node.</summary>
public sealed class PassedEndsTests
{
    private const string Piece = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}]}\n\n";
    private const string Finish = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    private const string Done = "data: [DONE]\n\n";

    /// <summary>A piece of an answer in each API, and then the part that says why it is over.</summary>
    private static readonly Dictionary<string, (string Piece, string End)> _streams = new()
    {
        ["/api/generate"] = ("{\"response\":\"Hi\",\"done\":false}\n", "{\"response\":\"\",\"done\":true,\"done_reason\":\"stop\"}\n"),
        ["/api/chat"] = ("{\"message\":{\"content\":\"Hi\"},\"done\":false}\n", "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"}\n"),
        ["/v1/chat/completions"] = (Piece, Finish + Done),
        ["/v1/completions"] = ("data: {\"choices\":[{\"text\":\"Hi\",\"finish_reason\":null}]}\n\n", "data: {\"choices\":[{\"text\":\"\",\"finish_reason\":\"stop\"}]}\n\n" + Done),
        ["/v1/responses"] = ("event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}\n\n", "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{}}\n\n"),
        ["/v1/messages"] = ("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"Hi\"}}\n\n",
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"),
    };

    public static TheoryData<string> Paths => new(_streams.Keys);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task A_clean_end_without_a_result_is_an_error_and_the_nodes_failure(string path)
    {
        var (piece, end) = _streams[path];
        await using var gateway = await StartAsync(piece);

        var result = await ApiCall.Of(path, stream: true).SendAsync(gateway.Http, Cancellation);

        Assert.True(result is { End: CallEnd.Broken, Status: 200 }, result.ToString());
        Assert.StartsWith(piece, result.Body, StringComparison.Ordinal);
        Assert.Contains("ended its answer without a result", result.Body, StringComparison.Ordinal);
        Assert.Contains("ended its answer", Node(gateway).Health.LastFailure, StringComparison.Ordinal);

        await using var well = await StartAsync(piece, end);
        Assert.Equal((CallEnd.Whole, piece + end), await EndOf(well, path));
        Assert.Equal("", Node(well).Health.LastFailure);
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task Half_of_what_follows_never_stands_before_the_error(string path)
    {
        var (piece, end) = _streams[path];
        for (var half = 12; half < end.Length - 1; half += 7)
        {
            // A whole part that says why it is over makes it whole.
            var cut = end[..half];
            if (cut.Contains("}\n", StringComparison.Ordinal) || cut.EndsWith('}'))
                break;
            await using var gateway = await PassingNode.StartAsync(new PassingNode(request => new PassingAnswer(PassingNode.TypeOf(request)) { Parts = [piece, cut], Ending = PassingEnd.Broken }));

            var result = await ApiCall.Of(path, stream: true).SendAsync(gateway.Http, Cancellation);

            Assert.True(result is { End: CallEnd.Broken, Status: 200 }, result.ToString());
            Assert.DoesNotContain(cut, result.Body[piece.Length..], StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(Piece + Done)]
    [InlineData(Piece + "data: [DONE]")]
    public async Task The_word_for_the_end_without_a_reason_is_an_error_as_where_it_is_translated(string stream)
    {
        await using var gateway = await StartAsync(stream);

        var result = await ApiCall.Of("/v1/chat/completions", stream: true).SendAsync(gateway.Http, Cancellation);

        Assert.True(result is { End: CallEnd.Broken, Status: 200 }, result.ToString());
        Assert.DoesNotContain("data: [DONE]", result.Body, StringComparison.Ordinal);
        Assert.Contains("ended its answer without a result", Node(gateway).Health.LastFailure, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Piece + Finish + Done, false)]
    [InlineData(Piece + Finish, false)]
    [InlineData(Piece, true)]
    [InlineData(Piece + Done, true)]
    [InlineData(Piece + Finish + Done + Piece, true)]
    [InlineData(Piece + Finish + "data: {\"error\":{\"message\":\"out of memory\"}}\n\n", true)]
    [InlineData(Piece + Finish + Done + "half", true)]
    public async Task An_answer_that_is_found_wrong_leaves_no_connection_behind(string stream, bool distrusted)
    {
        var node = new PassingNode(request => new PassingAnswer(PassingNode.TypeOf(request)) { Parts = [stream] });
        await using var gateway = await PassingNode.StartAsync(node);

        await ApiCall.Of("/v1/chat/completions", stream: true).SendAsync(gateway.Http, Cancellation);

        Assert.Equal(distrusted, Assert.Single(node.Answers).IsDistrusted);
    }

    [Fact]
    public async Task What_comes_behind_the_end_does_not_reach_the_client()
    {
        await using var gateway = await StartAsync(Piece + Finish + Done, "more", Piece);

        Assert.Equal((CallEnd.Whole, Piece + Finish + Done), await EndOf(gateway, "/v1/chat/completions"));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(1)]
    [InlineData(100)]
    public async Task A_whole_answer_loses_the_mark_that_a_text_may_begin_with(int cut)
    {
        const string Answer = "{\"choices\":[{\"message\":{\"content\":\"é\"},\"finish_reason\":\"stop\"}]}";
        byte[] marked = [0xEF, 0xBB, 0xBF, .. System.Text.Encoding.UTF8.GetBytes(Answer)];
        var parts = marked.Chunk(cut).ToArray();
        await using var gateway = await PassingNode.StartAsync(new PassingNode(_ => new PassingAnswer("application/json") { Bytes = parts, ContentLength = marked.Length }));

        using var response = await gateway.Http.SendAsync(Fleet.Post("/v1/chat/completions", ApiCall.Of("/v1/chat/completions", stream: false).Body), Cancellation);

        var body = await response.Content.ReadAsByteArrayAsync(Cancellation);
        Assert.Equal(Answer, System.Text.Encoding.UTF8.GetString(body));
        Assert.Equal(marked.Length - 3, response.Content.Headers.ContentLength);
    }

    [Theory]
    [InlineData("text/event-stream; charset=utf-8")]
    [InlineData("Text/Event-Stream;charset=UTF-8")]
    public async Task The_type_of_the_stream_may_have_parameters_and_any_case(string type)
    {
        await using var gateway = await PassingNode.StartAsync(new PassingNode(_ => new PassingAnswer(type) { Parts = [Piece], Ending = PassingEnd.Broken }));

        var result = await ApiCall.Of("/v1/chat/completions", stream: true).SendAsync(gateway.Http, Cancellation);

        Assert.True(result is { End: CallEnd.Broken, Status: 200 }, result.ToString());
        Assert.StartsWith(Piece, result.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task After_the_finish_nothing_is_missing_if_the_node_breaks_off()
    {
        await using var gateway = await PassingNode.StartAsync(
            new PassingNode(request => new PassingAnswer(PassingNode.TypeOf(request)) { Parts = [Piece, Finish, "data: {\"cho"], Ending = PassingEnd.Broken }));

        Assert.Equal((CallEnd.Whole, Piece + Finish + Done), await EndOf(gateway, "/v1/chat/completions"));
        Assert.Equal("", Node(gateway).Health.LastFailure);
    }

    [Fact]
    public async Task After_the_finish_a_node_that_never_ends_is_waited_for_a_moment()
    {
        const string Sent = Piece + Finish + ": ping\n\n: ping\n\n";
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var gateway = await PassingNode.StartAsync(
            time, new PassingNode(request => new PassingAnswer(PassingNode.TypeOf(request)) { Parts = [Piece, Finish, ": ping\n\n", ": ping\n\n"], Ending = PassingEnd.Silent }));
        using var request = Fleet.Post("/v1/chat/completions", ApiCall.Of("/v1/chat/completions", stream: true).Body);
        using var response = await gateway.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        await using var body = await response.Content.ReadAsStreamAsync(Cancellation);
        var sent = new byte[Sent.Length];
        await body.ReadExactlyAsync(sent, Cancellation);
        Assert.Equal(Sent, System.Text.Encoding.UTF8.GetString(sent));

        time.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal(Done, await new StreamReader(body).ReadToEndAsync(Cancellation));
        Assert.Equal("", Node(gateway).Health.LastFailure);
        Assert.Equal(NodeState.Up, Node(gateway).Health.State);
    }

    [Fact]
    public async Task A_comment_is_no_beginning_so_another_node_may_still_answer()
    {
        var asked = 0;
        PassingAnswer Answer(PassageRequest request) => Interlocked.Increment(ref asked) == 1
            ? new PassingAnswer(PassingNode.TypeOf(request)) { Parts = [": pi", "ng\n\n", ":\n"], Ending = PassingEnd.Broken }
            : new PassingAnswer(PassingNode.TypeOf(request)) { Parts = [Piece, Finish, Done] };
        await using var gateway = await PassingNode.StartAsync(new PassingNode(Answer), new PassingNode(Answer));

        var (end, body) = await EndOf(gateway, "/v1/chat/completions");

        Assert.Equal((CallEnd.Whole, 2), (end, asked));
        Assert.Equal(Piece + Finish + Done, body.Replace(": ping\n\n", "", StringComparison.Ordinal).Replace(":\n", "", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task A_whole_answer_that_ends_in_the_middle_or_before_it_began_is_no_answer(string path)
    {
        await using var half = await PassingNode.StartAsync(new PassingNode(_ => new PassingAnswer("application/json") { Parts = ["{\"response\":\"Hi"] }));
        await Assert.ThrowsAnyAsync<HttpRequestException>(async () =>
        {
            using var response = await half.Http.SendAsync(Fleet.Post(path, ApiCall.Of(path, stream: false).Body), Cancellation);
            await response.Content.ReadAsStringAsync(Cancellation);
        });
        Assert.Contains("in the middle", Node(half).Health.LastFailure, StringComparison.Ordinal);

        await using var none = await PassingNode.StartAsync(new PassingNode(_ => new PassingAnswer("application/json")));
        var result = await ApiCall.Of(path, stream: false).SendAsync(none.Http, Cancellation);
        Assert.True(result is { End: CallEnd.Refused, Status: 500 }, result.ToString());
    }

    [Fact]
    public async Task An_error_in_the_stream_is_passed_on_in_the_nodes_own_words_once_and_is_its_failure()
    {
        const string Error = "data: {\"error\":{\"message\":\"out of memory\",\"type\":\"server_error\",\"code\":\"oom\"}}\n\n";
        await using var gateway = await StartAsync(Piece, Error);

        Assert.Equal((CallEnd.Broken, Piece + Error), await EndOf(gateway, "/v1/chat/completions"));
        Assert.Equal("out of memory", Node(gateway).Health.LastFailure);
    }

    [Theory]
    [InlineData("\r\n", "")]
    [InlineData("\r", "")]
    [InlineData("\n", "\uFEFF")]
    [InlineData("\n", ": hello\n\nretry: 10\n\n")]
    public async Task Every_form_of_events_passes_and_is_understood_a_byte_at_a_time(string lineEnd, string before)
    {
        var text = before + (Piece + Finish + Done).Replace("\n", lineEnd, StringComparison.Ordinal);
        await using var gateway = await StartAsync(Bytes(text));
        var result = await ApiCall.Of("/v1/chat/completions", stream: true).SendAsync(gateway.Http, Cancellation);
        // The mark of the text is not passed on, and a comment before the answer only where no other is under way.
        Assert.EndsWith(text.TrimStart('\uFEFF').Replace(": hello\n\n", "", StringComparison.Ordinal), result.Body, StringComparison.Ordinal);
        Assert.Equal("", Node(gateway).Health.LastFailure);

        await using var broken = await StartAsync(Bytes(text[..(before.Length + Piece.Length)]));
        result = await ApiCall.Of("/v1/chat/completions", stream: true).SendAsync(broken.Http, Cancellation);
        Assert.Contains("ended its answer without a result", result.Body, StringComparison.Ordinal);
    }

    private static Task<RunningGateway> StartAsync(IReadOnlyList<byte[]> bytes) =>
        PassingNode.StartAsync(new PassingNode(request => new PassingAnswer(PassingNode.TypeOf(request)) { Bytes = bytes }));

    private static List<byte[]> Bytes(string text) => [.. System.Text.Encoding.UTF8.GetBytes(text).Select(one => new[] { one })];

    private static async Task<(CallEnd End, string Body)> EndOf(RunningGateway gateway, string path)
    {
        var result = await ApiCall.Of(path, stream: true).SendAsync(gateway.Http, Cancellation);
        return (result.End, result.Body);
    }

    private static Task<RunningGateway> StartAsync(params string[] parts) =>
        PassingNode.StartAsync(new PassingNode(request => new PassingAnswer(PassingNode.TypeOf(request)) { Parts = parts }));

    private static Node Node(RunningGateway gateway) => gateway.App.Services.GetRequiredService<NodeSet>().All[0];
}
