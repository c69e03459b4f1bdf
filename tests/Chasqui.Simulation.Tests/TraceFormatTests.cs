using Chasqui.Gateway;

namespace Chasqui.Simulation.Tests;

/// <summary>The three kinds of traces, and what is wrong with others.</summary>
public sealed class TraceFormatTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void Our_own_names_its_columns()
    {
        var requests = Read("at,model,caller,priority,prompt_tokens,output_tokens,max_wait,weight\n0,a,x,batch,10,20,5,2\n\n1.5,,,,1,2,,\n");

        Assert.Equal(new TraceRequest { At = 0, Model = "a", Caller = "x", Priority = PriorityClass.Batch, PromptTokens = 10, OutputTokens = 20, MaxWait = 5, Weight = 2 }, requests[0]);
        Assert.Equal(new TraceRequest { At = 1.5, PromptTokens = 1, OutputTokens = 2 }, requests[1]);
    }

    [Fact]
    public void Azures_counts_from_its_first_line()
    {
        var requests = Read("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.6805900,396,109\n");

        Assert.Equal([(0, 374, 44), (4, 396, 109)], requests.Select(request => (request.At, request.PromptTokens, request.OutputTokens)));
    }

    [Fact]
    public void Mooncakes_is_in_milliseconds() =>
        Assert.Equal(new TraceRequest { At = 1.5, PromptTokens = 6758, OutputTokens = 500 }, Assert.Single(Read("""{"timestamp": 1500, "input_length": 6758, "output_length": 500, "hash_ids": [0, 1]}""")));

    [Theory]
    [InlineData("", "line 1: is empty")]
    [InlineData("at,prompt_tokens\n", "line 1: lacks the column \"output_tokens\"")]
    [InlineData("at,prompt_tokens,output_tokens,size\n", "line 1: has the column \"size\"")]
    [InlineData("at,prompt_tokens,output_tokens\n0,1\n", "line 2: has 2 fields, but the first line names 3")]
    [InlineData("at,prompt_tokens,output_tokens\n0,1,1\nx,1,1\n", "line 3: at is \"x\", but must be a number from 0")]
    [InlineData("at,prompt_tokens,output_tokens\n0,-1,1\n", "line 2: prompt_tokens is \"-1\", but must be a whole number")]
    [InlineData("at,priority,prompt_tokens,output_tokens\n0,soon,1,1\n", "line 2: priority is \"soon\", but must be interactive, normal or batch")]
    [InlineData("at,weight,prompt_tokens,output_tokens\n0,0,1,1\n", "line 2: weight is \"0\", but must be a number from 0.01 to 1000")]
    [InlineData("{\"timestamp\": 1}\n", "line 1: is no request of this trace")]
    [InlineData("{\"timestamp\": \n", "line 1: is no request of this trace")]
    [InlineData("TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,1,1\n", "line 2: is \"yesterday,1,1\", but must be a time and two numbers")]
    public void What_is_wrong_is_named_with_its_line(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<TraceException>(() => Read(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("4", 4, 4, 24e9)]
    [InlineData("2x8", 2, 8, 24e9)]
    [InlineData("2x8@80GB", 2, 8, 80e9)]
    [InlineData("1@1.5GiB", 1, 4, 1.5 * (1 << 30))]
    public void Nodes_are_read(string text, int nodes, int slots, double memory)
    {
        var plan = PlanText.Nodes(new SimulationPlan { Models = [] }, text);
        Assert.Equal((nodes, slots, (long)memory), (plan.Nodes, plan.Slots, plan.Memory));
    }

    [Theory]
    [InlineData("0")]
    [InlineData("x4")]
    [InlineData("2x")]
    [InlineData("2x4x8")]
    [InlineData("2@")]
    [InlineData("2@-1GB")]
    [InlineData("10001")]
    public void What_are_no_nodes_is_refused(string text) =>
        Assert.Contains("such as 4, 4x8 or 4x8@80GB", Assert.Throws<FormatException>(() => PlanText.Nodes(new SimulationPlan { Models = [] }, text)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_model_is_read()
    {
        Assert.Equal(new SimulatedModel { Name = "llama3:8b", Bytes = 5_500_000_000, LoadSeconds = 6, PromptRate = 800, DecodeRate = 40, Share = 0.5 }, PlanText.Model("llama3:8b:size=5.5GB,load=6s,prompt=800,decode=40,share=0.5"));
        Assert.Equal(new SimulatedModel { Name = "llama3:8b" }, PlanText.Model("llama3:8b"));
        Assert.Contains("has \"speed=1\"", Assert.Throws<FormatException>(() => PlanText.Model("m:speed=1")).Message, StringComparison.Ordinal);
    }

    private List<TraceRequest> Read(string text)
    {
        File.WriteAllText(_file, text);
        return [.. TraceFormat.Read(_file)];
    }
}
