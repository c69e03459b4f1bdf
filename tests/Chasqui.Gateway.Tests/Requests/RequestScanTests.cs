using System.Text;
using Chasqui.Gateway.Requests;

namespace Chasqui.Gateway.Tests.Requests;

public sealed class RequestScanTests
{
    [Fact]
    public void A_chat_of_Ollama_tells_what_routing_needs()
    {
        using var scan = Read(Dialects.Ollama, """
            { "model": "mini", "stream": false, "options": { "num_ctx": 4096, "num_predict": 12.9 }, "tools": [ {} ],
              "messages": [ { "role": "user", "content": "Hällo", "images": ["AAAA"] } ] } and what follows is not looked at
            """);

        Assert.Equal("mini", scan.Model);
        Assert.False(scan.Stream);
        Assert.Equal(4096, scan.NumCtx);
        Assert.Equal(12, scan.MaxTokens);
        Assert.True(scan.HasTools);
        Assert.True(scan.HasImages);
        Assert.Equal("[ {} ]".Length + "user".Length + 6, scan.PromptCharacters);
        Assert.True(scan.Prefixes.IsEmpty);
    }

    [Theory]
    [InlineData("""{"mod\u0065l":"a\u0062"}""")]
    [InlineData("""{"MODEL":"ab"}""")]
    [InlineData("""{"model":"x","Model":"ab","model":null}""")]
    [InlineData("\uFEFF {\"model\":\"ab\"}")]
    [InlineData("""{"x":{"model":"c"},"model":"ab","y":[{"model":"d"}]}""")]
    public void Members_are_found_as_Go_finds_them(string json)
    {
        using var scan = Read(Dialects.Ollama, json);
        Assert.Equal("ab", scan.Model);
    }

    [Fact]
    public void Letters_that_Go_takes_for_s_and_k_are_taken_for_them()
    {
        using var scan = Read(Dialects.Ollama, "{\"\u017Ftream\":true,\"\\u212Aeep_alive\":\"1h\",\"option\u017F\":{\"num_ctx\":7}}");

        Assert.True(scan.Stream);
        Assert.Equal(7, scan.NumCtx);
        Assert.Equal(2, scan.Places.Count);
    }

    [Theory]
    [InlineData(Dialects.Ollama, """{"options":{"num_predict":1},"options":{"num_predict":5},"options":null}""", 5)]
    [InlineData(Dialects.Ollama, """{"options":{"num_predict":1e99}}""", int.MaxValue)]
    [InlineData(Dialects.Ollama, """{"options":{"NUM_PREDICT":5},"max_tokens":5}""", null)]
    [InlineData(Dialects.OpenAi, """{"max_tokens":5}""", 5)]
    [InlineData(Dialects.OpenAi, """{"max_completion_tokens":5,"options":{"num_predict":6}}""", 5)]
    [InlineData(Dialects.OpenAiResponses, """{"max_output_tokens":5}""", 5)]
    [InlineData(Dialects.Anthropic, """{"max_tokens":5,"max_output_tokens":6}""", 5)]
    public void Every_API_has_its_own_word_for_the_most_tokens(Dialects dialect, string json, int? tokens)
    {
        using var scan = Read(dialect, json);
        Assert.Equal(tokens, scan.MaxTokens);
    }

    [Theory]
    [InlineData(Dialects.Ollama, """{"prompt":"a","images":["AA"]}""", true)]
    [InlineData(Dialects.Ollama, """{"prompt":"a","images":[]}""", false)]
    [InlineData(Dialects.Ollama, """{"messages":[{"role":"user","content":"a","images":[]}]}""", false)]
    [InlineData(Dialects.OpenAi, """{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]}]}""", true)]
    [InlineData(Dialects.OpenAi, """{"messages":[{"role":"user","content":[{"type":"text","text":"image"}]}]}""", false)]
    [InlineData(Dialects.OpenAiResponses, """{"input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,AA"}]}]}""", true)]
    [InlineData(Dialects.Anthropic, """{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"AA"}}]}],"system":"s"}""", true)]
    public void Images_are_seen(Dialects dialect, string json, bool images)
    {
        using var scan = Read(dialect, json);
        Assert.Equal(images, scan.HasImages);
    }

    [Theory]
    [InlineData("", 1, 1)]
    [InlineData("  ", 1, 1)]
    [InlineData("[]", 1, 1)]
    [InlineData("null", 1, 1)]
    [InlineData("{\n \"model\": nil }", 2, 12)]
    [InlineData("{\"model\":\"a\"", 1, 13)]
    public void What_is_no_JSON_object_is_told_with_its_place(string json, int line, int position)
    {
        Assert.False(RequestScan.TryRead(Encoding.UTF8.GetBytes(json), Dialects.Ollama, out _, out var fault));
        Assert.Equal((line, position), ((int)fault.Line, (int)fault.Position));
        Assert.NotEmpty(fault.Reason);
    }

    [Fact]
    public void Nesting_without_end_is_refused()
    {
        var json = "{\"messages\":" + new string('[', 100_000);
        Assert.False(RequestScan.TryRead(Encoding.UTF8.GetBytes(json), Dialects.OpenAi, out _, out _));
    }

    [Fact]
    public void Reading_and_rewriting_what_needs_no_change_allocates_nothing()
    {
        var body = Encoding.UTF8.GetBytes($$"""{"model":"mini","options":{"num_ctx":4096},"keep_alive":"5m","messages":[{"role":"user","content":"{{new string('x', 5000)}}\n"}]}""");
        var policy = RewriteTests.Policy;
        // Twice for the pool, the table of names and the runtime.
        Run();
        Run();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            Run();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Run()
        {
            Assert.True(RequestScan.TryRead(body, Dialects.Ollama, out var scan, out _));
            using (scan)
            using (RequestRewriter.Rewrite(scan, "mini", policy))
            {
            }
        }
    }

    internal static RequestScan Read(Dialects dialect, string json)
    {
        Assert.True(RequestScan.TryRead(Encoding.UTF8.GetBytes(json), dialect, out var scan, out var fault), fault.ToString());
        return scan;
    }
}
