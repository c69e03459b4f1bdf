using System.Net;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using OllamaSharp.Models;
using TheirEmbed = OllamaSharp.Models.EmbedRequest;
using TheirGenerate = OllamaSharp.Models.GenerateRequest;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>OllamaSharp, unchanged, before a node that is asked as an Ollama, and before one that is asked in OpenAI's language.</summary>
public sealed class OllamaSharpBeforeNodesTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_chat_is_answered_streamed_and_whole_alike(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);

        var (streamed, whole) = await OllamaSharpChat.BothAsync(fleet, OllamaSharpChat.Hello("mini"));

        Assert.Equal(16, streamed.Pieces);
        Assert.Equal(1, whole.Pieces);
        Assert.Equal(("stop", 16), (whole.Done!.DoneReason, whole.Done!.EvalCount));
        Assert.True(whole.Done!.PromptEvalCount > 0);
        Assert.True(whole.Done!.TotalDuration > 0);
        fleet.AssertAskedUnder(kind == NodeKind.Ollama ? "/api/chat" : "/v1/chat/completions");
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_limit_of_tokens_is_held_and_told(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);
        var hello = OllamaSharpChat.Hello("mini");
        hello.Options = new RequestOptions { NumPredict = 3, Temperature = 0 };

        var (streamed, whole) = await OllamaSharpChat.BothAsync(fleet, hello);

        Assert.Equal(3, streamed.Pieces);
        Assert.Equal(("length", 3), (whole.Done!.DoneReason, whole.Done!.EvalCount));
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_completion_is_given_streamed_and_whole_alike(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);
        var answers = new List<(string Text, GenerateDoneResponseStream Done)>();
        foreach (var stream in (bool[])[true, false])
        {
            var text = "";
            GenerateDoneResponseStream? done = null;
            await foreach (var piece in fleet.Ollama.GenerateAsync(new TheirGenerate { Model = "mini", Prompt = "Once upon a time", System = "Be brief.", Stream = stream }, Token))
            {
                text += piece!.Response;
                done = piece as GenerateDoneResponseStream ?? done;
            }
            answers.Add((text, done!));
        }

        Assert.NotEmpty(answers[0].Text);
        Assert.Equal(answers[0].Text, answers[1].Text);
        Assert.All(answers, answer => Assert.Equal(("stop", 16), (answer.Done.DoneReason, answer.Done.EvalCount)));
        Assert.Equal(answers[0].Done.PromptEvalCount, answers[1].Done.PromptEvalCount);
        fleet.AssertAskedUnder(kind == NodeKind.Ollama ? "/api/generate" : "/v1/chat/completions");
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task Texts_become_vectors(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);

        var response = await fleet.Ollama.EmbedAsync(new TheirEmbed { Model = "mini-embed", Input = ["a cat", "a cat", "the sea"] }, Token);

        Assert.Equal(3, response.Embeddings.Count);
        Assert.Equal(response.Embeddings[0], response.Embeddings[1]);
        Assert.NotEqual(response.Embeddings[0], response.Embeddings[2]);
        Assert.All(response.Embeddings, vector => Assert.Equal((128, 1.0), (vector.Length, Math.Round(vector.Sum(x => (double)x * x), 3))));
        Assert.Equal(6, response.PromptEvalCount);
        fleet.AssertAskedUnder(kind == NodeKind.Ollama ? "/api/embed" : "/v1/embeddings");
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_missing_model_is_the_exception_of_the_package(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);

        // The package reads the text of an error of 400 and 500 alone.
        foreach (var stream in (bool[])[true, false])
        {
            var missing = await Assert.ThrowsAsync<HttpRequestException>(() => OllamaSharpChat.RunAsync(fleet, OllamaSharpChat.Hello("nope"), stream));
            Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        }
        await Assert.ThrowsAsync<HttpRequestException>(() => fleet.Ollama.EmbedAsync(new TheirEmbed { Model = "nope", Input = ["x"] }, Token));
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_stream_that_breaks_has_no_end(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind, new Fault { Kind = FaultKind.NoDone, AfterTokens = 3 });

        // The package takes the line of the error for a part without a message; a part that says it is done never comes.
        var broken = await OllamaSharpChat.RunAsync(fleet, OllamaSharpChat.Hello("mini"), stream: true);

        Assert.Equal(3, broken.Pieces);
        Assert.Null(broken.Done);
    }
}
