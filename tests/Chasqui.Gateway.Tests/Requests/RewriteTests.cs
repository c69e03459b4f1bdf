using System.Text;
using Chasqui.Gateway.Policies;
using Chasqui.Gateway.Requests;

namespace Chasqui.Gateway.Tests.Requests;

public sealed class RewriteTests
{
    internal static OptionPolicy Policy { get; } = new(new ModelPolicy
    {
        NumCtx = new OptionRule(OptionTreatment.Clamp, [2048, 32768]),
        NumBatch = new OptionRule(OptionTreatment.Strip, []),
        KeepAlive = new OptionRule(OptionTreatment.Clamp, [60, 3600]),
    });

    [Theory]
    [InlineData("""{"options":{"num_ctx":131072},"x":1}""", """{"options":{"num_ctx":32768},"x":1}""", "num_ctx 131072 -> 32768")]
    [InlineData("""{"options":{"num_ctx":100.5}}""", """{"options":{"num_ctx":2048}}""", "num_ctx 100.5 -> 2048")]
    [InlineData("""{"options":{"num_ctx":1e400}}""", """{"options":{"num_ctx":32768}}""", "num_ctx 1e400 -> 32768")]
    [InlineData("""{"options":{"num_ctx":"131072"}}""", """{"options":{"num_ctx":"131072"}}""", "")]
    [InlineData("""{"options":{"num_ctx":null,"num_batch":null},"keep_alive":null}""", """{"options":{"num_ctx":null,"num_batch":null},"keep_alive":null}""", "")]
    [InlineData("""{"options":{"num_batch":1}}""", """{"options":{}}""", "num_batch stripped")]
    [InlineData("""{"options":{ "num_batch" : 1 , "top_k" : 2 }}""", """{"options":{  "top_k" : 2 }}""", "num_batch stripped")]
    [InlineData("""{"options":{ "top_k" : 2 , "num_batch" : 1 }}""", """{"options":{ "top_k" : 2  }}""", "num_batch stripped")]
    [InlineData("""{"options":{"num_batch":1,"num_batch":[2,{}],"num_batch":"3"}}""", """{"options":{}}""", "num_batch stripped")]
    [InlineData("""{"options":{"num_batch":1,"num_batch":2,"a":3,"num_batch":4}}""", """{"options":{"a":3}}""", "num_batch stripped")]
    [InlineData("""{"options":{"num_ctx":1},"Options":{"num_ctx":99999}}""", """{"options":{"num_ctx":2048},"Options":{"num_ctx":32768}}""", "num_ctx 99999 -> 32768")]
    [InlineData("""{"keep_alive":"24h"}""", """{"keep_alive":"1h"}""", "keep_alive 24h -> 1h")]
    [InlineData("""{"keep_alive":"2\u0034h"}""", """{"keep_alive":"1h"}""", "keep_alive 24h -> 1h")]
    [InlineData("""{"KEEP_ALIVE":-1}""", """{"KEEP_ALIVE":3600}""", "keep_alive -1 -> 1h")]
    [InlineData("""{"keep_alive":"-1s"}""", """{"keep_alive":"1h"}""", "keep_alive -1 -> 1h")]
    [InlineData("""{"keep_alive":0}""", """{"keep_alive":60}""", "keep_alive 0s -> 1m")]
    [InlineData("""{"keep_alive":"soon"}""", """{"keep_alive":"soon"}""", "")]
    [InlineData("""{"keep_alive":300.5,"options":{"NUM_CTX":1}}""", """{"keep_alive":300.5,"options":{"NUM_CTX":1}}""", "")]
    public void Ollamas_options_follow_the_policy(string json, string result, string header)
    {
        var (text, changes) = Rewrite(Dialects.Ollama, json, null, Policy);
        Assert.Equal(result, text);
        Assert.Equal(header, OptionChange.Header(changes));
    }

    [Fact]
    public void For_ever_is_told_as_a_number()
    {
        var policy = new OptionPolicy(new ModelPolicy { KeepAlive = new OptionRule(OptionTreatment.Clamp, [-1, -1]) });
        Assert.Equal("""{"keep_alive":-1}""", Rewrite(Dialects.Ollama, """{"keep_alive":"5m"}""", null, policy).Text);
    }

    [Theory]
    [InlineData("""{"model":"gpt-4o"}""", """{"model":"llama3.3:70b"}""")]
    [InlineData("""{"mod\u0065l" : "gpt" , "model":"gpt-4o"}""", """{"mod\u0065l" : "llama3.3:70b" , "model":"llama3.3:70b"}""")]
    [InlineData("""{"model":"llama3\u002e3:70b"}""", """{"model":"llama3\u002e3:70b"}""")]
    [InlineData("""{"x":[{"model":"gpt-4o"}]}""", """{"x":[{"model":"gpt-4o"}]}""")]
    [InlineData("""{"model":5}""", """{"model":5}""")]
    public void The_model_is_renamed(string json, string result)
    {
        foreach (var dialect in new[] { Dialects.Ollama, Dialects.OpenAi, Dialects.OpenAiResponses, Dialects.Anthropic })
            Assert.Equal(result, Rewrite(dialect, json, "llama3.3:70b", Policy).Text);
    }

    [Fact]
    public void All_spellings_of_the_model_are_made_to_agree() => Assert.Equal(
        """{"model":"allowed","MODEL":"allowed"}""", Rewrite(Dialects.OpenAi, """{"model":"denied","MODEL":"allowed"}""", null, null).Text);

    [Fact]
    public void Only_Ollamas_API_has_options() => Assert.Equal(
        """{"options":{"num_ctx":1},"keep_alive":0}""", Rewrite(Dialects.OpenAi, """{"options":{"num_ctx":1},"keep_alive":0}""", null, Policy).Text);

    [Fact]
    public void A_name_is_escaped_where_it_must_be() =>
        Assert.Equal("""{"model":"a\"b\\é"}""", Rewrite(Dialects.Ollama, """{"model":"x"}""", "a\"b\\é", null).Text);

    internal static (string Text, IReadOnlyList<OptionChange> Changes) Rewrite(Dialects dialect, string json, string? model, OptionPolicy? policy)
    {
        using var scan = RequestScanTests.Read(dialect, json);
        using var body = RequestRewriter.Rewrite(scan, model, policy);
        return (Encoding.UTF8.GetString(body.Body.Span), body.Changes);
    }
}
